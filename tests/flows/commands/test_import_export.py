"""`tinyvideo import` and `tinyvideo export`: in, out, and in again."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.drawn.released import strips_of, write_list, write_tarball
from tinyvideo.flows.cli import app
from tinyvideo.pipeline.errors import ExpectedError


def call(*words: object) -> dict:
    answer = CliRunner().invoke(
        app, [*map(str, words), "--json"], catch_exceptions=False, standalone_mode=False
    )
    return json.loads(answer.stdout)


@pytest.fixture
def golf(tmp_path: Path) -> tuple[Path, Path]:
    files = {**strips_of(4632147167, 34, 34, 20), **strips_of(77, 32)}
    return write_tarball(tmp_path / "golf.tar.bz2", files), write_list(tmp_path / "golf.txt", files)


def test_what_is_imported_is_trained_on_and_goes_out_again(tmp_path, golf):
    out, tar, listing = tmp_path / "out", *golf
    words = ("import", "tinyvideo", "--tar", tar, "--list", listing, "--out", out)
    first = call(*words, "--scene", "golf_course")
    assert (first["videos"], first["strips"], first["missing"]) == (2, 3, 0)
    assert first["rejected"] == {"too_short": 1}
    again = call(*words)
    assert (again["videos"], again["strips"], again["known"]) == (0, 0, 4)
    books = call("status", "--out", out)
    assert books["balanced"]
    assert (books["videos"]["found"], books["videos"]["sharded"]) == (2, 2)

    made = call("dataset", "build", "g", "--out", out, "--preset", "golf", "--validation", 0)
    assert made["scene_models"] == {"tinyvideo-release": 3}
    to = call("export", "--format", "tinyvideo", "--out", out, "--to", tmp_path / "to")
    assert to == {"strips": 3, "folder": str(tmp_path / "to")}
    back = call(
        "import", "tinyvideo", "--tar", tmp_path / "to/tinyvideo.tar", "--out", tmp_path / "b"
    )
    assert (back["strips"], back["rejected"]) == (3, {})
    words = ("export", "--format", "mp4", "--out", out, "--dataset", "g", "--split", "train")
    assert call(*words, "--to", tmp_path / "films")["strips"] == made["counts"]["train"]


def test_all_of_it_works_on_s3_and_leaves_no_picture_here(tmp_path, golf, s3_address):
    words = ("import", "tinyvideo", "--tar", golf[0], "--out", s3_address)
    assert call(*words)["strips"] == 3
    assert call(*words)["known"] == 4
    made = call("dataset", "build", "all", "--out", s3_address)
    assert sum(made["counts"].values()) == 3
    assert call("dataset", "verify", "all", "--out", s3_address, "--full")["problems"] == []
    to, tars = tmp_path / "to", sum(1 for count in made["counts"].values() if count)
    words = ("export", "--format", "webdataset", "--out", s3_address, "--dataset", "all")
    assert call(*words, "--to", to)["strips"] == 3
    assert sorted(path.name for path in to.rglob("*.tar")) == ["strips-000000.tar"] * tars
    assert not [*Path.home().rglob("*.parquet")]


WRONG = {
    "kind": (["import", "kinetics", "--tar", "t", "--out", "o"], "there is no 'kinetics'"),
    "no tar": (["import", "tinyvideo", "--tar", "gone", "--out", "o"], "is not a tarball"),
    "no list": (
        ["import", "tinyvideo", "--tar", "t", "--list", "gone", "--out", "o"],
        "the list gone cannot be read",
    ),
    "format": (["export", "--format", "gif", "--out", "o", "--to", "x"], "choose one of tinyvideo"),
    "split": (
        ["export", "--format", "mp4", "--out", "o", "--to", "x", "--split", "train"],
        "of a --dataset",
    ),
    "to s3:/": (["export", "--format", "mp4", "--out", "o", "--to", "s3:/b"], "mean s3://b?"),
    "shards": (
        ["export", "--format", "mp4", "--out", "o", "--to", "x", "--shards", "3"],
        "only webdataset and hub are cut into files",
    ),
    "out s3:/": (["export", "--format", "mp4", "--out", "s3:/b", "--to", "x"], "mean s3://b?"),
    "out S3://": (["status", "--out", "S3://b"], "did you mean s3://b?"),
    "out http://": (["run", "--folder", ".", "--out", "http://b/x"], "give a folder or s3://"),
    "run gs://": (
        ["train", "d", "--out", "o", "--run", "gs://b/x", "--steps", "1"],
        "gs://b/x is no place for output",
    ),
    "bucket s3:/": (["run", "--bucket", "s3:/b/x", "--out", "o"], "did you mean s3://b/x?"),
    "no catalog": (["export", "--format", "mp4", "--out", "o", "--to", "x"], "there is no catalog"),
}


@pytest.mark.parametrize(("words", "sentence"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_one_sentence(tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, words)
    told = str(answer.exception) if isinstance(answer.exception, ExpectedError) else answer.output
    assert sentence in " ".join(told.replace("│", " ").split())
    assert answer.exit_code
