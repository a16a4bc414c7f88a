"""What can be known before Prefect starts is told before: no server has left anything."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.drawn.training_set import make_dataset
from tests.servers.prefect_machine import films
from tinyvideo.flows.cli import app
from tinyvideo.pipeline.errors import ExpectedError


def refused(*words: object) -> str:
    """Run a command here; return the sentence that it ends with."""
    answer = CliRunner().invoke(app, list(map(str, words)))
    assert isinstance(answer.exception, ExpectedError), answer.output
    return str(answer.exception)


@pytest.fixture(scope="module")
def beaches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return films(tmp_path_factory.mktemp("films") / "in", 1, frames=4)


def test_a_list_that_is_none(tmp_path):
    listing = tmp_path / "list.txt"
    listing.write_bytes(bytes(range(256)))
    said = refused("run", "--urls", listing, "--out", tmp_path / "out")
    assert str(listing) in said
    assert not (tmp_path / "out" / "prefect").exists()


def test_a_source_of_no_name(tmp_path):
    said = refused("run", "--source", "lost=/nowhere", "--out", tmp_path / "out")
    assert "NAME=ADDRESS with a name of folder, list" in said
    assert not (tmp_path / "out" / "prefect").exists()


def test_weights_that_are_missing(tmp_path, beaches, monkeypatch):
    monkeypatch.setenv("TINYVIDEO_PLACES_WEIGHTS", str(tmp_path / "none.pth"))
    said = refused("run", "--folder", beaches, "--out", tmp_path / "out")
    assert str(tmp_path / "none.pth") in said
    assert not (tmp_path / "out" / "prefect").exists()


def test_a_gpu_and_a_dataset_that_are_missing(tmp_path):
    make_dataset(tmp_path, [3])
    said = refused("train", "drawn", "--out", tmp_path, "--device", "cuda:99", "--width", "1")
    assert "cannot train on device 'cuda:99'" in said
    assert "nope" in refused("train", "nope", "--out", tmp_path, "--width", "1")
    assert not (tmp_path / "prefect").exists()
