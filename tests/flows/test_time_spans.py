"""Spans of time as people type them, by hand."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from tinyvideo.flows.commands.time_spans import duration_of


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30m", timedelta(minutes=30)),
        (" 6h ", timedelta(hours=6)),
        ("90d", timedelta(days=90)),
        ("0d", timedelta(0)),
        ("999999d", timedelta(days=36_600)),
    ],
)
def test_a_span_is_a_number_and_a_unit(text, span):
    assert duration_of(text) == span
    assert datetime.now(UTC) - duration_of(text) > datetime(1900, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "d", "²d", "٣d", "-1d", "1e3d", "nan", "1.5h", "9999999d"])
def test_anything_else_is_none(text):
    with pytest.raises(typer.BadParameter, match="want 30m, 6h or 2d"):
        duration_of(text)
