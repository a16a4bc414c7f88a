r"""Lines of the log, made fit to be shown: one record is one line, and nothing in it does anything.

Titles, owners and what servers say stand in log lines, which go to a terminal, to Prefect's page
and to files that are read in a terminal later. So records of tinyvideo and of Prefect are tamed as
they are made, whoever handles them: what is put into a sentence has no line breaks of its own, and
escape sequences and bidi overrides are shown as `\x1b` and `\u202e`. A traceback keeps its lines.
Records of other packages are left as they are, as they belong to whoever uses them.

Cost: 3 us per record that is logged; nothing for those below the level.
"""

import logging
from typing import Any

from tinyvideo.pipeline.strange_letters import printable, tame

OURS = ("tinyvideo", "prefect")
"""What the names of their loggers begin with."""


def tame_logs() -> None:
    """Have records of these loggers tamed from now on, in this process."""
    before = logging.getLogRecordFactory()
    if isinstance(before, _Factory):
        return
    logging.setLogRecordFactory(_Factory(before))


class _Factory:
    """A factory of records that asks the one before it, and tames what that has made."""

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, name: str, *args: Any, **named: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._before(name, *args, **named)
        if name.partition(".")[0] in OURS:
            _tame(record)
        return record


def _tame(record: logging.LogRecord) -> None:
    if isinstance(record.args, tuple):
        record.args = tuple(_tame_value(value) for value in record.args)
    elif isinstance(record.args, dict):
        record.args = {name: _tame_value(value) for name, value in record.args.items()}
    record.msg = printable(str(record.msg))
    if record.exc_info and record.exc_info[0] is not None:
        # What is kept here is what formatters write.
        record.exc_text = printable(logging.Formatter().formatException(record.exc_info))


def _tame_value(value: object) -> object:
    if isinstance(value, int | float):  # which %d wants
        return value
    text = str(value)
    tamed = tame(text)
    return value if tamed == text else tamed
