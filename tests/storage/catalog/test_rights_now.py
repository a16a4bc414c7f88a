"""What a source says of a video now is what credits and explain tell, and when it was asked."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.catalog.block_list import TakedownKind, enter_block, list_blocks
from tinyvideo.storage.catalog.misread_answers import KEPT, keep_misread, list_misread
from tinyvideo.storage.catalog.rights_now import (
    Answer,
    FoundToBe,
    due_for_check,
    enter_rights,
    list_to_take_down,
)
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.database.catalog_base import update_videos
from tinyvideo.storage.database.engine import transaction
from tinyvideo.storage.database.tables import VIDEOS
from tinyvideo.storage.outputs.video_history import credits

FOUND = VideoRecord(
    video_id="flickr-7",
    source="flickr",
    uri="flickr:7",
    title="Sea",
    owner="1@N00",
    license="CC BY-NC 4.0",
    license_id="14",
    license_url="https://creativecommons.org/licenses/by-nc/4.0/",
)
NOW = replace(
    FOUND,
    license="CC BY 2.0",
    license_id="4",
    license_url="https://creativecommons.org/licenses/by/2.0/",
)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def catalog(tmp_path) -> Iterator[Catalog]:
    with closing(Catalog.open(tmp_path / "catalog.db")) as catalog:
        catalog.add([FOUND])
        with transaction(catalog.engine, writes=True) as db:
            update_videos(db, VIDEOS.c.video_id == "flickr-7", state=VideoState.SHARDED)
        yield catalog


def test_the_newest_answer_is_the_one_that_credits_tell(catalog):
    changed = enter_rights(catalog.engine, Answer(video_id="flickr-7", record=NOW), MAY)
    assert changed["license"] == ("CC BY-NC 4.0", "CC BY 2.0")
    assert catalog.videos()[0].record == NOW
    (credit,) = credits(catalog.engine)
    assert (credit["license"], credit["asked_at"]) == ("CC BY 2.0", "2026-05-01")
    assert enter_rights(catalog.engine, Answer(video_id="flickr-7", record=NOW), MAY) == {}


def test_what_is_gone_or_relicensed_is_listed_for_takedown_until_it_is_back(catalog):
    gone = Answer(video_id="flickr-7", found_to_be=FoundToBe.GONE)
    assert [r.video_id for r in due_for_check(catalog.engine, timedelta(0), 9)] == ["flickr-7"]
    enter_rights(catalog.engine, gone)
    assert due_for_check(catalog.engine, timedelta(days=1), 9) == []
    assert list_to_take_down(catalog.engine) == [("flickr-7", "gone", "1@N00")]
    assert next(credits(catalog.engine))["found_to_be"] == "gone"
    assert catalog.videos()[0].record == FOUND  # what was known of it is kept
    enter_rights(catalog.engine, Answer(video_id="flickr-7", record=NOW))
    assert list_to_take_down(catalog.engine) == []


def test_an_answer_about_a_video_that_nobody_knows_changes_nothing(catalog):
    assert enter_rights(catalog.engine, Answer(video_id="flickr-8", record=NOW)) == {}


def test_what_is_not_understood_is_counted_and_the_beginning_of_the_first_is_kept(catalog):
    for text in ("first" + "\u00fc" * KEPT, "second"):
        keep_misread(catalog.engine, "no id", text)
    keep_misread(catalog.engine, "no date", "")
    often, once = list_misread(catalog.engine)
    assert (often.why, often.count, once.why, once.count) == ("no id", 2, "no date", 1)
    assert often.first.startswith("first\u00fc")
    assert len(often.first.encode()) <= KEPT


def test_the_block_list_can_be_read(catalog):
    assert list_blocks(catalog.engine) == []
    enter_block(catalog.engine, TakedownKind.OWNER, "1@N00", "asked by mail")
    (entry,) = list_blocks(catalog.engine)
    assert (entry["kind"], entry["name"], entry["why"]) == ("owner", "1@N00", "asked by mail")
