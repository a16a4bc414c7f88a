"""A checkpoint is whole or it is not there; nothing foreign is believed, and no code runs."""

import errno
import pickle
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from tests.servers.full_disk import room_for
from tinyvideo.models.checkpoints.checkpoint import (
    Checkpoint,
    list_checkpoints,
    load_checkpoint,
    load_newest,
    save_checkpoint,
)
from tinyvideo.models.training_errors import CheckpointError


def make_checkpoint(step=1):
    weights = {"layer.weight": torch.arange(5000.0) + step}
    optimizer = {"state": {0: {"step": torch.tensor(float(step))}}, "param_groups": [{"lr": 0.1}]}
    return Checkpoint(
        step=step,
        cursor=4 * step,
        config={"width": 1, "precision": "fp32", "learning_rate": 2e-4},
        manifest_id="ab" * 32,
        metrics={"step": step, "mask_mean": 0.5},
        rng=torch.Generator().manual_seed(step).get_state(),
        generator=weights,
        discriminator=weights,
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_comes_back_as_it_was(tmp_path):
    saved = make_checkpoint(7)
    path = save_checkpoint(tmp_path / "new", saved)
    assert path.name == "step-00000007.pt"
    loaded = load_checkpoint(path)
    for name in ("step", "cursor", "config", "manifest_id", "metrics", "generator_optimizer"):
        assert getattr(loaded, name) == getattr(saved, name)
    assert torch.equal(loaded.generator["layer.weight"], saved.generator["layer.weight"])
    assert torch.equal(loaded.rng, saved.rng)


def test_the_last_three_stay(tmp_path):
    for step in (8, 9, 10, 11):
        save_checkpoint(tmp_path, make_checkpoint(step))
    assert names(tmp_path) == [f"step-{step:08d}.pt" for step in (9, 10, 11)]


@pytest.mark.parametrize("every", [30, 50, 130])
def test_of_a_run_that_is_rolled_back_an_old_one_stays_however_frequent_they_are(tmp_path, every):
    for step in range(every, 900, every):
        saved = make_checkpoint(step)
        saved = replace(saved, config={**saved.config, "on_alarm": "roll-back"})
        save_checkpoint(tmp_path, saved)
        ages = [step - int(path.stem.removeprefix("step-")) for path in list_checkpoints(tmp_path)]
        assert ages[:3] == [every * n for n in range(min(3, step // every))]
        assert len(ages) <= 5
        assert step < 200 + every or any(200 <= age < 600 for age in ages), (step, ages)


def test_newest_goes_by_number_and_ignores_other_files(tmp_path):
    for step in (100_000_000, 99_999_999):
        save_checkpoint(tmp_path, make_checkpoint(step))
    (tmp_path / "step-best.pt").write_text("mine")
    (tmp_path / "metrics.jsonl").write_text("")
    path, checkpoint = load_newest(tmp_path)
    assert (path.name, checkpoint.step) == ("step-100000000.pt", 100_000_000)


@pytest.mark.parametrize("folder", ["", "missing"])
def test_no_checkpoint_is_no_error(tmp_path, folder):
    assert load_newest(tmp_path / folder) is None


def test_goes_back_past_a_truncated_one_and_says_so(tmp_path, caplog):
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, make_checkpoint(step))
    truncate(tmp_path / "step-00000003.pt")
    (tmp_path / "step-00000002.pt").write_bytes(b"")
    path, checkpoint = load_newest(tmp_path)
    assert (path.name, checkpoint.step) == ("step-00000001.pt", 1)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "step-00000003.pt is not a whole checkpoint" in caplog.messages[0]


def test_never_starts_anew_over_checkpoints_that_cannot_be_read(tmp_path):
    truncate(save_checkpoint(tmp_path, make_checkpoint()))
    with pytest.raises(CheckpointError, match=r"none of the 1 checkpoints .* can be read"):
        load_newest(tmp_path)


class Malice:
    """Runs code when it is unpickled."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return Path.touch, (self.proof,)


@pytest.mark.parametrize("zipped", [True, False], ids=["torch-file", "bare-pickle"])
def test_code_in_a_file_does_not_run(tmp_path, zipped):
    proof, path = tmp_path / "proof", tmp_path / "step-00000001.pt"
    if zipped:
        torch.save({"format": 1, "step": Malice(proof)}, path)
    else:
        path.write_bytes(pickle.dumps({"format": 1, "step": Malice(proof)}))
    with pytest.raises(CheckpointError, match=r"step-00000001\.pt is not a whole checkpoint"):
        load_checkpoint(path)
    assert not proof.exists()


def flip_a_byte_of_the_weights(path):
    content = bytearray(path.read_bytes())
    at = content.find(torch.arange(100.0, 105.0).numpy().tobytes())
    content[at] ^= 1
    path.write_bytes(content)


SPOILS = {
    "truncated": (truncate, "is not a whole checkpoint"),
    "empty": (lambda path: path.write_bytes(b""), "is not a whole checkpoint"),
    "text": (lambda path: path.write_text("hello"), "is not a whole checkpoint"),
    "picture": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" * 99), "is not a whole"),
    "tensor": (lambda path: torch.save(torch.ones(3), path), "not a tinyvideo checkpoint"),
    "weights": (lambda path: torch.save({"w": torch.ones(3)}, path), "not a tinyvideo checkpoint"),
    "newer": (
        lambda path: torch.save({"format": 3}, path),
        "has format 3, .* formats up to 2",
    ),
    "parts": (lambda path: torch.save({"format": 1, "step": 1}, path), "lacks parts"),
    "missing": (lambda path: path.unlink(), "there is no checkpoint"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "is not a whole checkpoint"),
    "bit-rot": (flip_a_byte_of_the_weights, "is not a whole checkpoint"),
}


@pytest.mark.parametrize(("spoil", "text"), SPOILS.values(), ids=SPOILS)
def test_what_is_no_checkpoint_gets_one_sentence_with_its_name(tmp_path, spoil, text):
    path = save_checkpoint(tmp_path, make_checkpoint())
    spoil(path)
    with pytest.raises(CheckpointError, match=text) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [OSError, RuntimeError])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, kind):
    save_checkpoint(tmp_path, make_checkpoint(1))

    def fill_the_disk(state, file):
        file.write(b"half")
        raise kind(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", fill_the_disk)
    with pytest.raises(CheckpointError, match=r"cannot write .*step-00000002\.pt.*No space left"):
        save_checkpoint(tmp_path, make_checkpoint(2))
    assert names(tmp_path) == ["step-00000001.pt"]
    assert load_newest(tmp_path)[1].step == 1


def test_a_disk_that_fills_during_a_save_costs_that_checkpoint_only(tmp_path):
    save_checkpoint(tmp_path, make_checkpoint(1))
    with (
        room_for(10_000),  # half of what it needs
        pytest.raises(CheckpointError, match=r"cannot write .*step-00000002\.pt"),
    ):
        save_checkpoint(tmp_path, make_checkpoint(2))
    assert names(tmp_path) == ["step-00000001.pt"]
    assert load_newest(tmp_path)[1].step == 1
    save_checkpoint(tmp_path, make_checkpoint(2))
    assert load_newest(tmp_path)[1].step == 2


def test_every_ten_thousandth_stays(tmp_path):
    for step in (9_999, 10_000, 10_001, 10_002, 10_003, 20_000, 20_001, 20_002, 20_003):
        save_checkpoint(tmp_path, make_checkpoint(step))
    assert [path.name for path in list_checkpoints(tmp_path)] == [
        f"step-{step:08d}.pt" for step in (20_003, 20_002, 20_001, 20_000, 10_000)
    ]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match=r"cannot write .*file/run/step-00000001\.pt"):
        save_checkpoint(tmp_path / "file" / "run", make_checkpoint())


def test_what_a_kill_left_half_written_is_no_checkpoint_and_goes_away(tmp_path):
    save_checkpoint(tmp_path, make_checkpoint(1))
    (tmp_path / "step-00000002.pt.partial").write_bytes(b"half")
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000001.pt"]
    save_checkpoint(tmp_path, make_checkpoint(3))
    assert names(tmp_path) == ["step-00000001.pt", "step-00000003.pt"]


def test_is_synced_before_it_gets_its_name(tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr("os.fsync", lambda handle: events.append("sync"))
    rename = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (events.append("rename"), rename(self, to))[1]
    )
    save_checkpoint(tmp_path, make_checkpoint())
    assert events == ["sync", "rename", "sync"]


def test_every_part_is_needed(tmp_path):
    checkpoint = replace(make_checkpoint(), cursor=12)
    state = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    del state["rng"]
    torch.save({"format": 1, **state}, tmp_path / "c.pt")
    with pytest.raises(CheckpointError, match="rng"):
        load_checkpoint(tmp_path / "c.pt")
