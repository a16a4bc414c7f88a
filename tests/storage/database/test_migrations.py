"""A catalog of an older version becomes one of today, with everything that it knew."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.drawn.old_catalogs import write_old_catalog
from tests.drawn.strip_rows import count_clips
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.database.catalog_base import CATALOG_VERSION
from tinyvideo.storage.database.engine import transaction
from tinyvideo.storage.database.tables import REVISION

NOON = datetime(2026, 1, 3, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def addresses(request, tmp_path):
    """Where there are no catalogs yet, as many as are wanted."""
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        return iter(server.new_database, None)
    return (str(tmp_path / f"{number}.db") for number in range(9))


def tables_of(catalog: Catalog) -> dict[str, Any]:
    """Describe every table: its columns, whether they may be empty, its keys and indexes."""
    with transaction(catalog.engine, writes=False) as db:
        look = sa.inspect(db)
        return {
            name: {
                "columns": {c["name"]: c["nullable"] for c in look.get_columns(name)},
                "key": look.get_pk_constraint(name)["constrained_columns"],
                "indexes": {i["name"]: i["column_names"] for i in look.get_indexes(name)},
                "links": [
                    (link["constrained_columns"], link["referred_table"])
                    for link in look.get_foreign_keys(name)
                ],
            }
            for name in look.get_table_names()
        }


def versions_of(catalog: Catalog) -> tuple[str, str | None]:
    with transaction(catalog.engine, writes=False) as db:
        return catalog.fact("version", "none"), db.scalar(sa.select(REVISION.c.version_num))


@pytest.mark.parametrize("version", [1, 2])
def test_an_old_catalog_gets_the_tables_of_a_new_one(addresses, version):
    old, new = next(addresses), next(addresses)
    write_old_catalog(old, version)
    with closing(Catalog.open(old)) as upgraded, closing(Catalog.open(new)) as made:
        assert tables_of(upgraded) == tables_of(made)
        assert versions_of(upgraded) == versions_of(made)
        assert versions_of(made) == (str(CATALOG_VERSION), f"{CATALOG_VERSION:04d}")


@pytest.mark.parametrize("version", [1, 2])
def test_an_old_catalog_keeps_what_it_knew_and_works_on(addresses, version):
    address = next(addresses)
    write_old_catalog(address, version)
    with closing(Catalog.open(address, clock=lambda: NOON)) as catalog:
        ada = catalog.videos(VideoState.PENDING)[0].record
        assert (ada.video_id, ada.owner, ada.license, ada.license_id) == (
            "folder-a",
            "Ada",
            "CC0",
            "",
        )
        assert catalog.books().problems == []
        # The lease of a run that no longer is has ended; it was found first.
        assert [r.video_id for r in catalog.lease(9, "me", 60)] == ["folder-b", "folder-a"]
        catalog.enter_clips("folder-a", count_clips(2), holder="me")
        assert catalog.curated() == {"folder-a": 2}
    with closing(Catalog.open(address)) as again:
        assert again.books().problems == []


def test_a_catalog_that_two_processes_upgrade_is_upgraded_once(addresses):
    address = next(addresses)
    write_old_catalog(address, 1)
    with closing(Catalog.open(address)) as first, closing(Catalog.open(address)) as second:
        assert versions_of(first) == versions_of(second)
        first._upgrade()  # as the slower of two that saw the old version at once
        assert first.books().videos.found == 3


def test_an_upgrade_that_is_cut_off_leaves_the_catalog_as_it_was(addresses, monkeypatch):
    address = next(addresses)
    write_old_catalog(address, 1)
    monkeypatch.setattr("tinyvideo.storage.database.migrations._set_fact", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Catalog.open(address)
    monkeypatch.undo()
    with closing(Catalog.open(address)) as catalog:
        assert versions_of(catalog)[0] == str(CATALOG_VERSION)
        assert catalog.books().problems == []
