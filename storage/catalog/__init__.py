"""The state of every video and every shard, the books, and what hosts were asked.

block_list         Who must not be fetched: takedowns and the block list, and how a video leaves
                   the books
books              The books: what was found equals what became of it, in videos and in clips
crawl_pace         How fast a crawl goes: bytes fetched, videos per hour, and how long the rest
                   will take
leases             Leases: who may work on which video, until when, and how attempts are counted
misread_answers    Answers that nobody understood: how often each kind came, and the beginning of
                   the first
request_accounts   How often a host is asked, counted for all workers of a deployment together
rights_now         What sources say of videos after they were found: the one home of license,
                   owner and title
search_coverage    What searches have looked at, window by window, and what share of it is
                   proven complete
shard_states       The rows of shards: begun with the videos that they will hold, and committed
                   with them at once
takedown_requests  What was asked to be taken down, and what came of it: the table of requests,
                   and audit lines
video_catalog      The ledger: one state for every video and every shard, and how they change
video_results      Verdicts: what a worker found out about a video, entered once, with every
                   window counted
video_samples      What became of single videos, for people to read: some of each state, never
                   all of them
"""

from tinyvideo.storage.catalog.block_list import (
    TakedownKind,
    blocked_videos,
    enter_block,
    is_blocked,
    lift_block,
    list_blocks,
    mark_taken_down,
    matching,
)
from tinyvideo.storage.catalog.books import BooksError
from tinyvideo.storage.catalog.crawl_pace import (
    CrawlPace,
    begin_pace,
    count_film,
    looking,
    read_pace,
)
from tinyvideo.storage.catalog.leases import LeaseLostError, lease_due, note
from tinyvideo.storage.catalog.misread_answers import Misread, keep_misread, list_misread
from tinyvideo.storage.catalog.request_accounts import (
    HostState,
    LocalAccounts,
    PacedBudget,
    SharedAccounts,
)
from tinyvideo.storage.catalog.rights_now import (
    Answer,
    FoundToBe,
    due_for_check,
    enter_rights,
    list_to_take_down,
)
from tinyvideo.storage.catalog.search_coverage import (
    Coverage,
    count_call,
    enter_window,
    left_to_ask,
    proven_spans,
    refresh,
    reopen,
    settled_until,
    summarize,
)
from tinyvideo.storage.catalog.shard_states import keys_in_rewrite
from tinyvideo.storage.catalog.takedown_requests import (
    AUDIT_KEY,
    Takedown,
    as_dict,
    ask,
    read_takedowns,
    save,
    write_audit,
)
from tinyvideo.storage.catalog.video_catalog import Catalog, count_by_scheme, count_found, states_of
from tinyvideo.storage.catalog.video_samples import VideoOutcome, list_outcomes

__all__ = [
    "AUDIT_KEY",
    "Answer",
    "BooksError",
    "Catalog",
    "Coverage",
    "CrawlPace",
    "FoundToBe",
    "HostState",
    "LeaseLostError",
    "LocalAccounts",
    "Misread",
    "PacedBudget",
    "SharedAccounts",
    "Takedown",
    "TakedownKind",
    "VideoOutcome",
    "as_dict",
    "ask",
    "begin_pace",
    "blocked_videos",
    "count_by_scheme",
    "count_call",
    "count_film",
    "count_found",
    "due_for_check",
    "enter_block",
    "enter_rights",
    "enter_window",
    "is_blocked",
    "keep_misread",
    "keys_in_rewrite",
    "lease_due",
    "left_to_ask",
    "lift_block",
    "list_blocks",
    "list_misread",
    "list_outcomes",
    "list_to_take_down",
    "looking",
    "mark_taken_down",
    "matching",
    "note",
    "proven_spans",
    "read_pace",
    "read_takedowns",
    "refresh",
    "reopen",
    "save",
    "settled_until",
    "states_of",
    "summarize",
    "write_audit",
]
