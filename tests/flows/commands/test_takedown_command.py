"""`tinyvideo takedown`: one command, a document for programs, and nothing left on the page."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from tests.drawn.dataset_rows import ALL_FOR_TRAINING
from tests.drawn.strip_rows import curate_drawn, draw_record, opened
from tinyvideo.flows.cli import app
from tinyvideo.flows.upkeep.finish_takedowns import finish_open_takedowns
from tinyvideo.models.checkpoints.checkpoint import Checkpoint, save_checkpoint
from tinyvideo.storage.batches.commit_shard import pack
from tinyvideo.storage.catalog.block_list import TakedownKind
from tinyvideo.storage.catalog.takedown_requests import ask, read_takedowns
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.outputs.output_address import Output
from tinyvideo.storage.shards.shard_reader import iterate_rows

KEY, ANEW = "shards/shard-000001.parquet", "shards/shard-000001-2.parquet"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    with opened(tmp_path) as (catalog, store):
        for number in range(2):
            record = draw_record(number, owner=f"o{number}", source="flickr")
            curate_drawn(catalog, store, record, strips=4)
        pack(catalog, store)
        manifest = build_dataset(store, "d", [KEY], ALL_FOR_TRAINING)
    save(tmp_path / "runs" / "a", manifest.manifest_id)
    (tmp_path / "report.html").write_text("<img>")
    return tmp_path


def save(folder: Path, manifest_id: str) -> Path:
    checkpoint = Checkpoint(
        step=1,
        cursor=0,
        config={},
        manifest_id=manifest_id,
        metrics={},
        rng=torch.zeros(3, dtype=torch.uint8),
        generator={},
        discriminator={},
        generator_optimizer={},
        discriminator_optimizer={},
    )
    return save_checkpoint(folder, checkpoint)


def call(*words: object) -> dict:
    answer = CliRunner().invoke(
        app, [*map(str, words), "--json"], catch_exceptions=False, standalone_mode=False
    )
    return json.loads(answer.stdout)


def test_an_owner_goes_and_the_checkpoints_that_saw_them_are_listed(out, tmp_path):
    elsewhere = save(tmp_path / "elsewhere" / "b", "of another dataset")
    done = call(
        "takedown", "--yes", "--owner", "o1", "--out", out, "--checkpoints", elsewhere.parent
    )
    assert done["videos"] == [draw_record(1).video_id]
    assert (done["strips"], done["shards"], done["datasets"]) == (4, {KEY: ANEW}, ["d"])
    assert done["checkpoints"] == [str(out / "runs" / "a" / "step-00000001.pt")]
    assert done["uncertain_checkpoints"] == [str(elsewhere)]
    assert {row["owner"] for row in iterate_rows(out / ANEW)} == {"o0"}
    assert not (out / KEY).exists()
    assert not (out / "report.html").exists()
    assert json.loads((out / "takedowns.jsonl").read_text()) == done


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["555"], "knows no video '555', so nothing has changed; 'tinyvideo block 555' keeps"),
        (["--owner", "O1"], "did you mean --owner o1?"),
        (["--owner", "o1"], "nothing has changed; --yes takes it down without asking"),
    ],
)
def test_what_nobody_knows_or_said_yes_to_changes_nothing(out, words, sentence):
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    yes = ["--yes"] if words != ["--owner", "o1"] else []
    answer = CliRunner().invoke(app, ["takedown", *words, *yes, "--out", str(out)])
    assert answer.exit_code == 2
    assert sentence in " ".join(answer.output.replace("│", " ").split())
    assert (out / KEY).read_bytes() == before[out / KEY]
    assert (out / "report.html").exists()
    assert not (out / "takedowns.jsonl").exists()
    with opened(out) as (catalog, _):
        assert read_takedowns(catalog.engine, finished=False) == []


def test_a_dry_run_says_what_would_go(out):
    goes = call("takedown", "--owner", "o1", "--out", out, "--dry-run")
    assert goes == {
        "kind": "owner",
        "name": "o1",
        "videos": [draw_record(1).video_id],
        "strips": 4,
        "shards": [KEY],
        "datasets": ["d"],
    }
    assert (out / KEY).exists()


@pytest.mark.parametrize("words", [[], ["123", "--owner", "ada"]])
def test_it_wants_either_a_video_or_an_owner(out, words):
    answer = CliRunner().invoke(app, ["takedown", *words, "--out", str(out)])
    assert answer.exit_code == 2
    assert "either the id of a video or an --owner" in answer.output


def test_what_was_asked_for_and_killed_is_finished_by_a_run(out):
    with opened(out) as (catalog, _):
        output = Output(catalog, FolderStore(out), FolderStore(out))
        assert finish_open_takedowns(output) == 0
        assert (out / "report.html").exists()
        ask(catalog.engine, TakedownKind.OWNER, "o0")
        assert finish_open_takedowns(output) == 1
        assert {row["owner"] for row in iterate_rows(out / ANEW)} == {"o1"}
        assert finish_open_takedowns(output) == 0
    assert not (out / "report.html").exists()
