"""A catalog whose bytes or values are not what they were: one sentence, whatever is read of it."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.drawn.outputs import add_settled, add_sharded
from tests.drawn.strip_rows import draw_record, draw_strip
from tinyvideo.flows.cli import app
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches import batch_counts, latest_batches
from tinyvideo.storage.catalog import TakedownKind, ask, enter_block, read_takedowns, summarize
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.database import BATCHES, transaction
from tinyvideo.storage.database.tables import METADATA
from tinyvideo.storage.outputs import (
    Output,
    OutputAddress,
    audited_books,
    credits,
    explain,
    failures,
)
from tinyvideo.storage.storage_errors import StorageError

ID = draw_record(0).video_id
READERS: dict[str, Callable[[Output], object]] = {
    "books": lambda out: audited_books(out.catalog, out.store, recount=True),
    "videos": lambda out: [*out.catalog.videos()],
    "explain": lambda out: explain(out, ID),
    "failures": lambda out: failures(out.catalog.engine),
    "credits": lambda out: [*credits(out.catalog.engine)],
    "takedowns": lambda out: read_takedowns(out.catalog.engine, finished=False),
    "batches": lambda out: (latest_batches(out.catalog, 9), batch_counts(out.catalog)),
    "coverage": lambda out: summarize(out.catalog.engine),
    "lease": lambda out: out.catalog.lease(9),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """An output with a row in every table that commands read."""
    out = tmp_path_factory.mktemp("sound")
    add_sharded(
        out, [(draw_record(i, title=f"title {i}"), [draw_strip()]) for i in range(3)], flat=2
    )
    add_settled(out, draw_record(7), VideoState.FAILED, "timeout", "it hung")
    place = OutputAddress.at(out)
    with place.open() as output:
        output.catalog.add([draw_record(9)])
        engine = output.catalog.engine
        enter_block(engine, TakedownKind.VIDEO, "flickr-77", "")
        ask(engine, TakedownKind.OWNER, "somebody")
        moment = output.catalog.clock()
        with transaction(engine, writes=True) as db:
            batch = {"number": 9, "token": "a" * 32, "videos": 1, "state": "done"}
            db.execute(BATCHES.insert().values(**batch, began_at=moment, expires_at=moment))
    with closing(sqlite3.connect(out / "catalog.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return out


@pytest.fixture
def damaged(sound, tmp_path) -> Path:
    """A copy of it, to be damaged."""
    shutil.copytree(sound, tmp_path / "out")
    return tmp_path / "out"


def read_everything(out: Path) -> list[str]:
    """Read all there is in every way; return the sentences, and pass no error of another kind."""
    said = []
    with suppress_sentences(said), OutputAddress.at(out).open() as output:
        for read in READERS.values():
            with suppress_sentences(said):
                read(output)
    return said


class suppress_sentences(suppress):  # noqa: N801
    """Collects the sentences of StorageErrors; whatever else is raised goes on."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(StorageError)
        self.said = said

    def __exit__(self, kind, error, trace):
        if isinstance(error, StorageError):
            self.said.append(str(error))
        return super().__exit__(kind, error, trace)


def test_a_sound_one_says_nothing(damaged):
    assert read_everything(damaged) == []


COLUMNS = [
    (table.name, column.name) for table in METADATA.sorted_tables for column in table.columns
    if table.name != "alembic_version"
]  # fmt: skip


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda name: name)
def test_a_value_of_another_kind_is_a_sentence(sound, tmp_path, table, column):
    for number, value in enumerate(["{[", b"\xff\xfe"]):
        out = tmp_path / str(number)
        out.mkdir()
        (out / "shards").symlink_to(sound / "shards")
        shutil.copy(sound / "catalog.db", out)
        with closing(sqlite3.connect(out / "catalog.db")) as db:
            for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                db.execute(f"DROP TRIGGER {name}")
            with suppress(sqlite3.IntegrityError):
                db.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", [value])
            db.commit()
        for sentence in read_everything(out):
            assert "\n" not in sentence


@pytest.mark.parametrize("seed", range(6))
def test_flipped_bytes_are_a_sentence(damaged, seed):
    chance, path = random.Random(seed), damaged / "catalog.db"
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 10, 200])):
        content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)

    for sentence in read_everything(damaged):
        assert str(damaged) in sentence


COMMANDS = ["status", f"explain {ID}", "failures", "retry", "credits --to c.md", "report"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_names_the_file_and_the_way_out(damaged, monkeypatch, command):
    monkeypatch.chdir(damaged)
    path = damaged / "catalog.db"
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE TAB\xff\xfe"))

    answer = CliRunner().invoke(app, [*command.split(), "--out", str(damaged)])

    assert isinstance(answer.exception, StorageError)
    assert str(answer.exception).startswith(f"{path} is not a usable catalog: ")
    assert "put back a copy of it" in str(answer.exception)


def test_a_database_whose_texts_are_any_bytes_is_refused_in_a_sentence(postgres):
    address = postgres.new_database("ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    with pytest.raises(StorageError, match=r"has the encoding SQL_ASCII.*ENCODING 'UTF8'"):
        Catalog.open(address)
