"""A clock that is moved by hand, and an empty catalog by it, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tinyvideo.storage.catalog.video_catalog import Catalog

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_catalog(request, tmp_path, clock) -> Iterator[Catalog]:
    address = str(tmp_path / "catalog.db")
    if request.param == "postgres":
        address = request.getfixturevalue("postgres").new_database()
    with closing(Catalog.open(address, clock=clock)) as catalog:
        yield catalog
