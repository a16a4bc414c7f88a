"""What a person sees in the terminal, and how a command ends when asked to.

screen        What the terminal shows: progress bars, the books, and where things are
time_left     How long something will still take, from how far it has come
plain_files   Files and folders outside a store: seen to be writable before work begins, written
              whole or not
exit_codes    What a command ends with: one table, which every command keeps
early_signals A command that is asked to end while it is still being imported ends at once, with
              the sentence
stopping      How a command ends when it is asked to, by Ctrl-C, SIGTERM or SIGHUP: soon, with
              one sentence
log_records   Lines of the log, tamed as they are made: importing this room has it done
strangers_words  Texts of strangers, made fit for where they are shown: a function for each place
wrong_values  A value that cannot be used, said in the words of whoever gave it
"""

from tinyvideo.flows.terminal.early_signals import end_at_once
from tinyvideo.flows.terminal.exit_codes import (
    MEANINGS,
    ExitCode,
    describe_exit_codes,
    end_with,
)
from tinyvideo.flows.terminal.log_records import tame_logs
from tinyvideo.flows.terminal.plain_files import (
    PlainFileError,
    check_file,
    check_folder,
    whole_file,
)
from tinyvideo.flows.terminal.screen import (
    Position,
    counted,
    progress,
    say,
    show_books,
    show_facts,
    show_table,
    tell_pace,
    waiting,
    write_json,
)
from tinyvideo.flows.terminal.stopping import (
    SIGNALS,
    asked_to_end,
    at_quick_end,
    code_of,
    end_when_asked,
    heed_no_more,
    let_go_of_terminal,
    more_time,
    tell_stopped,
    unheard_by_children,
)
from tinyvideo.flows.terminal.strangers_words import (
    json_text,
    markdown,
    printable,
    tame,
    web_link,
)
from tinyvideo.flows.terminal.wrong_values import (
    details_of,
    option_of,
    sentence_of,
    with_option,
)

__all__ = [
    "MEANINGS",
    "SIGNALS",
    "ExitCode",
    "PlainFileError",
    "Position",
    "asked_to_end",
    "at_quick_end",
    "check_file",
    "check_folder",
    "code_of",
    "counted",
    "describe_exit_codes",
    "details_of",
    "end_at_once",
    "end_when_asked",
    "end_with",
    "heed_no_more",
    "json_text",
    "let_go_of_terminal",
    "markdown",
    "more_time",
    "option_of",
    "printable",
    "progress",
    "say",
    "sentence_of",
    "show_books",
    "show_facts",
    "show_table",
    "tame",
    "tame_logs",
    "tell_pace",
    "tell_stopped",
    "unheard_by_children",
    "waiting",
    "web_link",
    "whole_file",
    "with_option",
    "write_json",
]

tame_logs()
