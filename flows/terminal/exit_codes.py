"""What a command ends with: one table, which every command keeps and `tinyvideo --help` shows.

Errors from below bring their own number, `ExpectedError.exit_code`, out of the same table.

Cost: none.
"""

from enum import IntEnum
from typing import NoReturn

from tinyvideo.flows.terminal.screen import say


class ExitCode(IntEnum):
    """The numbers; `MEANINGS` has a sentence for each."""

    DONE = 0
    FAILED = 1
    WRONG = 2
    NOT_WHOLE = 3
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "the run failed, or what was checked is broken",
    ExitCode.WRONG: "the command, a file or a setting is wrong",
    ExitCode.NOT_WHOLE: "done, but not whole: wrong books, refused films, or nothing came out",
    ExitCode.HUNG_UP: "stopped, as its terminal was closed (SIGHUP)",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
    ExitCode.TERMINATED: "stopped by SIGTERM",
}


def describe_exit_codes() -> str:
    """Write out the table, a line for each code."""
    return "\n".join(f"{code:>3}  {sentence}" for code, sentence in MEANINGS.items())


def end_with(code: ExitCode, sentence: str) -> NoReturn:
    """Say why a command that has done its work does not end with 0, and end it.

    Raises:
        Exit: always.
    """
    import typer  # noqa: PLC0415  workers come by here, and have no use for it

    say(f"tinyvideo: {sentence}")
    raise typer.Exit(code)
