"""Prefect with its database in PostgreSQL, as docker-compose.yml has it."""

import pytest

from tests.servers.debian_postgres import find_postgres, serve_debian_postgres
from tests.servers.prefect_machine import films, machine

pytestmark = [
    pytest.mark.timeout(600),  # with the start of two servers, on a busy machine
    pytest.mark.skipif(
        find_postgres() is None, reason="Debian's PostgreSQL is missing: apt-get install postgresql"
    ),
]


def test_a_crawl_is_recorded_in_postgresql():
    with (
        serve_debian_postgres() as database,
        machine(PREFECT_SERVER_DATABASE_CONNECTION_URL=database) as it,
    ):
        folder, out = films(it.home / "beaches", 2, frames=33), it.home / "out"
        crawl = it.crawl(folder=str(folder), out=str(out), workers=1)
        it.wait(crawl, 240)
        assert [run["state"]["type"] for run in it.shards(crawl)] == ["COMPLETED"]
        assert it.books(out)["videos"]["sharded"] == 2
        assert not list(it.state.rglob("*.db"))  # no SQLite beside it
