"""A run whose machine is lost goes on from the store, bit for bit."""

import dataclasses
import shutil

import pytest

from tests.drawn.training_set import make_dataset
from tinyvideo.models.checkpoints.checkpoint import list_checkpoints, load_checkpoint
from tinyvideo.models.checkpoints.mirror import pull
from tinyvideo.models.step_metrics import METRICS_NAME, read_metrics
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training.training_run import train
from tinyvideo.models.training_errors import CheckpointError
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.objects.stores import open_store

CONFIG = TrainConfig(
    width=1, batch=2, steps=6, checkpoint_every=1, precision="fp32", seed=3, pictures_every=0
)
HALF = dataclasses.replace(CONFIG, steps=4)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("dataset")
    make_dataset(root, [3, 2])
    return root


def losses(out):
    return [line.generator_loss for line in read_metrics(out / METRICS_NAME)]


def names(store):
    return [key for key in store.list("") if key.endswith(".pt")]


def test_a_lost_machine_costs_nothing(root, tmp_path, s3_address):
    store = open_store(s3_address)
    train(root, "drawn", HALF, tmp_path / "first", mirror=store)
    assert names(store) == [f"step-{step:08d}.pt" for step in (2, 3, 4)]
    shutil.rmtree(tmp_path / "first")
    train(root, "drawn", CONFIG, tmp_path / "second", mirror=store)
    train(root, "drawn", CONFIG, tmp_path / "unbroken")
    assert losses(tmp_path / "second") == losses(tmp_path / "unbroken")
    assert names(store) == [f"step-{step:08d}.pt" for step in (4, 5, 6)]


def test_a_folder_that_is_ahead_is_believed(root, tmp_path):
    store = FolderStore(tmp_path / "store")
    train(root, "drawn", HALF, tmp_path / "run", mirror=store)
    train(root, "drawn", dataclasses.replace(HALF, steps=5), tmp_path / "run")
    pull(store, tmp_path / "run")
    assert list_checkpoints(tmp_path / "run")[0].name == "step-00000005.pt"


def test_a_damaged_copy_is_passed_over_and_replaced(root, tmp_path, caplog):
    store = FolderStore(tmp_path / "store")
    train(root, "drawn", HALF, tmp_path / "first", mirror=store)
    store.path("step-00000004.pt").write_bytes(b"half")
    train(root, "drawn", CONFIG, tmp_path / "second", mirror=store)
    assert "step-00000004.pt is damaged in the store" in caplog.text
    assert load_checkpoint(store.path("step-00000004.pt")).step == 4


def test_never_starts_anew_over_copies_that_cannot_be_read(root, tmp_path):
    store = FolderStore(tmp_path / "store")
    train(root, "drawn", HALF, tmp_path / "first", mirror=store)
    for name in names(store):
        store.path(name).write_bytes(b"half")
    with pytest.raises(CheckpointError, match=r"none of the 3 checkpoints in .*store can be read"):
        train(root, "drawn", CONFIG, tmp_path / "second", mirror=store)
