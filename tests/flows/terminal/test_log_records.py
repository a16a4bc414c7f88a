"""Words of strangers do nothing in a log, whoever writes it, and forge no line of it."""

import asyncio
import io
import logging
import subprocess
import sys

import pytest
from prefect.logging.formatters import PrefectFormatter
from prefect.states import exception_to_failed_state

from tests.flows.terminal.test_strangers_words import DOES, EVIL, HONEST
from tinyvideo.flows.terminal import tame_logs
from tinyvideo.pipeline.errors import ExpectedError, UnreadableError


def written(name: str, *message: object, exc_info: bool = False) -> str:
    """Log to a handler as Prefect has them; return what it writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PrefectFormatter("%(levelname)s | %(message)s"))
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        # No run is here to which Prefect could send it.
        logger.warning(*message, exc_info=exc_info, extra={"send_to_api": False})
    finally:
        logger.removeHandler(handler)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["tinyvideo.pipeline.find.yfcc", "prefect.flow_runs"])
def test_a_title_in_a_log_is_one_line_that_does_nothing(name):
    line = written(name, "%s: %s", EVIL, UnreadableError(EVIL))
    assert line.count("\n") == 1
    assert not set(DOES) & set(line)
    assert "Forged" in line


def test_what_is_ours_is_written_as_before():
    assert (
        written("tinyvideo.x", "%d of %.1f in %s", 3, 0.5, HONEST)
        == f"WARNING | 3 of 0.5 in {HONEST}\n"
    )
    assert written("tinyvideo.x", "two\nlines") == "WARNING | two\nlines\n"
    assert written("tinyvideo.x", "%(a)s", {"a": "b\x1b"}) == "WARNING | b\\x1b\n"
    assert "\x1b" in written("others.x", "%s", "\x1b")  # whose log it is, has to look to it


def test_a_traceback_keeps_its_lines_and_loses_its_escapes():
    try:
        raise KeyError(EVIL) from ValueError(EVIL)
    except KeyError:
        text = written("tinyvideo.x", "failed", exc_info=True)
    assert not set(DOES) & set(text)
    assert "Traceback (most recent call last):\n" in text
    assert text.count("\n") > 5


def test_taming_twice_is_taming_once():
    factory = logging.getLogRecordFactory()
    tame_logs()
    assert logging.getLogRecordFactory() is factory


def test_programs_that_import_a_flow_have_it():
    program = "import logging, tinyvideo.flows.run_options; print(logging.getLogRecordFactory())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "log_records" in done.stdout


def test_a_state_of_prefect_says_what_was_wrong_and_does_nothing():
    state = asyncio.run(exception_to_failed_state(ExpectedError(f"{EVIL} cannot be opened")))
    assert "cannot be opened" in str(state.message)
    assert not set(DOES) & set(str(state.message))
