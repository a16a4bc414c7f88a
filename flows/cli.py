"""The command `tinyvideo`.

Commands print for people on standard error, and with `--json` one document on standard output.
What a command ends with stands in `flows.terminal.exit_codes`.

Cost: help takes 0.2 s of processor time: every command is imported by itself, when it is called.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  pip refuses, but a clone can be run by any Python
    sys.stderr.write("tinyvideo needs Python 3.11 or newer; this is %s.%s\n" % sys.version_info[:2])  # noqa: UP031
    sys.exit(2)

from tinyvideo.flows.terminal import end_at_once

if __name__ == "__main__" or sys.argv[0].endswith("/tinyvideo"):
    end_at_once()

import signal
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.exceptions import TyperException

from tinyvideo.flows.commands.command_table import LazyGroup
from tinyvideo.flows.run_process import keep_loopback_direct
from tinyvideo.flows.terminal import (
    SIGNALS,
    ExitCode,
    asked_to_end,
    code_of,
    describe_exit_codes,
    details_of,
    end_when_asked,
    heed_no_more,
    say,
    sentence_of,
    tell_stopped,
)
from tinyvideo.pipeline.errors import ExpectedError

app = typer.Typer(
    name="tinyvideo",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain text: rich takes as long as all the rest of help
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"\b\nExit codes:\n{describe_exit_codes()}",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tinyvideo {version('tinyvideo')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Turn video into training data for video generation, and train on it.

    Start with `tinyvideo demo`: real films go all the way in a few minutes, with nothing
    configured. Then: tinyvideo run --folder YOUR_VIDEOS --out DIR

    `tinyvideo COMMAND --help` shows the options of a command, with an example.
    """


def main() -> None:
    """Run the command line; every expected error is one sentence, and so is being stopped."""
    _show_any_letter()
    end_when_asked()
    keep_loopback_direct()
    try:
        code = app(prog_name="tinyvideo", standalone_mode=False) or ExitCode.DONE
    except (KeyboardInterrupt, typer.Abort):
        code = code_of(signal.SIGINT)
    except SystemExit as asked:
        code = asked.code
    except BaseException as error:
        # What breaks after a process was asked to end is of its ending.
        number = asked_to_end()
        code = _explain(error) if number is None else code_of(number)
    asked_for = asked_to_end() if code else None
    if asked_for is not None:
        code = code_of(asked_for)
    if code in map(code_of, SIGNALS):  # typer, too, turns Ctrl-C into this number
        tell_stopped()
        heed_no_more()
    sys.exit(code)


def _show_any_letter() -> None:
    # A letter that the terminal lacks ends no command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _explain(error: BaseException) -> int:
    if isinstance(error, TyperException):
        return _refuse(error)
    if isinstance(error, ExpectedError):
        say(f"tinyvideo: {error}")
        return error.exit_code
    details = details_of(error)
    if details is None:
        raise error
    say("tinyvideo: " + "; ".join(map(sentence_of, details)))
    return ExitCode.WRONG


def _refuse(error: TyperException) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":  # typer does not hand out this class
        say(error.format_message())
    else:
        say(f"tinyvideo: {_sentence(error)}")
    return ExitCode.WRONG


def _sentence(error: TyperException) -> str:
    if not isinstance(error, typer.BadParameter) or not error.message:
        return error.format_message()
    hint = error.param_hint
    if hint is None and error.param is not None:
        names = error.param.opts
        hint = next((name for name in names if name.startswith("--")), names[0].upper())
    details = details_of(error.__cause__)  # typer, too, has pydantic look at values
    text = "; ".join(map(sentence_of, details)) if details else error.message
    return f"{hint}: {text}" if hint else text


if __name__ == "__main__":
    main()
