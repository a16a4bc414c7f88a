"""`tinyvideo catalog`, and who may work at an output: refused early, in one sentence."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.drawn.old_shards import write_shard_4
from tests.drawn.strip_rows import curate_drawn, draw_record, opened
from tinyvideo.flows.cli import app
from tinyvideo.storage.batches.commit_shard import pack
from tinyvideo.storage.database import SHARDS
from tinyvideo.storage.objects.folder import sha256_of
from tinyvideo.storage.outputs.output_address import OutputAddress
from tinyvideo.storage.outputs.owner_mark import read_mark
from tinyvideo.storage.rebuild.catalog_backup import list_backups
from tinyvideo.storage.shards.shard_reader import iterate_rows

FIRST = "shards/shard-000001.parquet"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder with a shard of two videos, 3 strips each."""
    root = tmp_path / "out"
    with OutputAddress.at(root).alone(make=True) as output:
        for number in range(2):
            curate_drawn(output.catalog, output.work, draw_record(number, owner=f"o{number}"))
        pack(output.catalog, output.store, output.work)
    return root


def call(*words: object) -> tuple[int, str, str]:
    """Run a command; return its exit code, what it writes for programs, and what it says."""
    answer = CliRunner().invoke(app, list(map(str, words)))
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stdout, " ".join(answer.stderr.split())


def lose(out: Path) -> None:
    for path in out.glob("catalog.db*"):
        path.unlink()


def test_rebuild_says_what_it_has_found(out):
    lose(out)
    code, document, said = call("catalog", "rebuild", "--out", out, "--json")
    told = json.loads(document)
    assert code == 0
    assert (told["entered"], told["broken"], told["takedowns"]) == (1, [], 0)
    assert told["books"]["strips"] == 6
    assert "shards alone" in said
    assert "the books balance" in said
    assert "- o0: 1" in (out / "README.md").read_text()


def test_rebuild_ends_with_3_where_a_shard_is_damaged(out):
    lose(out)
    (out / FIRST).write_bytes(b"no shard")
    code, _, said = call("catalog", "rebuild", "--out", out)
    assert code == 3
    assert "shard-000001.parquet is not a readable Parquet file" in said


def test_rebuild_is_for_catalogs_that_are_lost(out):
    with pytest.raises(Exception, match="'tinyvideo catalog adopt' has it take over"):
        call("catalog", "rebuild", "--out", out)


def test_a_run_without_the_catalog_is_refused_before_the_first_video(out, tmp_path):
    lose(out)
    films = tmp_path / "in"
    films.mkdir()
    (films / "a.mp4").touch()
    with pytest.raises(
        Exception, match=r"'tinyvideo catalog rebuild --out .*out' makes it"
    ) as told:
        call("run", "--folder", films, "--out", out)
    assert told.value.exit_code == 2
    assert not (out / "catalog.db").exists()
    assert sorted(path.name for path in (out / "shards").iterdir()) == ["shard-000001.parquet"]


@pytest.mark.parametrize(
    "words",
    [
        ["block", "77"],
        ["crawl", "--folder", "."],
        ["takedown", draw_record(0).video_id, "--yes"],
        ["shards", "repair"],
        ["shards", "upgrade"],
        ["dataset", "build", "all"],
        ["catalog", "backup"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_whoever_is_not_its_catalog_writes_nothing(out, tmp_path, words):
    shutil.copy(out / "catalog.db", tmp_path / "copy.db")
    copy = ["--out", out, "--catalog", tmp_path / "copy.db"]
    with opened(out) as (catalog, store):
        curate_drawn(catalog, store, draw_record(9))
        pack(catalog, store)
    assert call("catalog", "adopt", *copy)[0] == 0
    before = {path: sha256_of(path) for path in out.rglob("*") if path.is_file()}
    with pytest.raises(Exception, match=r"belongs to another catalog, .*copy\.db on") as told:
        call(*words, "--out", out)
    assert told.value.exit_code == 2
    after = {path: sha256_of(path) for path in out.rglob("*") if path.is_file()}
    changed = {path.name for path in before if after[path] != before[path]}
    assert (
        changed - {"catalog.db", "catalog.db-wal", "catalog.db-shm"},
        after.keys() - before,
    ) == (
        set(),
        set(),
    )


def test_backup_names_the_object(s3_address, monkeypatch, tmp_path):
    monkeypatch.setenv("TINYVIDEO_WORK", str(tmp_path / "home"))
    with OutputAddress.at(s3_address, tmp_path / "home").alone(make=True) as output:
        output.catalog.add([draw_record()])
    code, document, said = call("catalog", "backup", "--out", s3_address, "--json")
    (key,) = list_backups(output.store)
    assert (code, json.loads(document)["backup"]) == (0, f"{s3_address}/{key}")
    assert "the catalog is backed up as s3://" in said


@pytest.mark.parametrize(("setting", "copies"), [("", 1), ("false", 0)])
def test_a_catalog_of_s3_is_backed_up_by_what_changes_it(
    s3_address, monkeypatch, tmp_path, setting, copies
):
    monkeypatch.setenv("TINYVIDEO_WORK", str(tmp_path / "home"))
    if setting:
        monkeypatch.setenv("TINYVIDEO_BACKUP", setting)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_bytes(b"film")
    assert call("crawl", "--folder", tmp_path / "in", "--out", s3_address)[0] == 0
    place = OutputAddress.at(s3_address, tmp_path / "home")
    assert len(list_backups(place.open_store())) == copies
    mark = read_mark(place.open_store())
    assert mark is not None
    assert mark.catalog.endswith("catalog.db on " + mark.catalog.rpartition(" ")[2])


def test_the_card_is_of_the_shards_as_upgrade_leaves_them(out):
    write_shard_4(out / FIRST, list(iterate_rows(out / FIRST)))
    with opened(out) as (catalog, store), catalog.engine.begin() as db:
        shard = {"bytes": store.size(FIRST), "sha256": store.sha256(FIRST)}
        db.execute(SHARDS.update().values(shard))
    assert call("shards", "upgrade", "--out", out)[0] == 0
    assert "| default | train | 6 |" in (out / "README.md").read_text()


def test_the_card_is_of_the_shards_as_repair_leaves_them(out):
    (out / FIRST).unlink()
    call("shards", "repair", "--give-up", "--out", out)
    assert not (out / "README.md").exists()  # nothing is left to load
    with opened(out) as (catalog, store):
        curate_drawn(catalog, store, draw_record(5, owner="ada"))
        pack(catalog, store)
    call("shards", "repair", "--out", out)
    assert "- ada: 1" in (out / "README.md").read_text()
