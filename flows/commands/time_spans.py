"""Spans of time as people type them: `30m`, `6h`, `90d`.

Cost: none.
"""

import re
from datetime import timedelta

import typer

_UNITS = {"m": 60, "h": 3600, "d": 86_400}

_LONGEST_S = 100 * 366 * 86_400
"""A hundred years: nothing here is older, and no calendar ends before."""


def duration_of(text: str) -> timedelta:
    """Read a span of time.

    Raises:
        BadParameter: it is none.
    """
    match = re.fullmatch(r"([0-9]{1,6})([mhd])", text.strip())
    if match is None:
        raise typer.BadParameter(f"want 30m, 6h or 2d, got {text!r}", param_hint="--older-than")
    return timedelta(seconds=min(int(match[1]) * _UNITS[match[2]], _LONGEST_S))
