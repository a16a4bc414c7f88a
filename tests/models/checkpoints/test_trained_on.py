"""Every checkpoint below a folder is found with the dataset that it was trained on."""

from pathlib import Path

import torch

from tinyvideo.models.checkpoints.checkpoint import Checkpoint, save_checkpoint
from tinyvideo.models.checkpoints.trained_on import find_checkpoints


def save(folder: Path, step: int, manifest_id: str) -> str:
    checkpoint = Checkpoint(
        step=step,
        cursor=0,
        config={},
        manifest_id=manifest_id,
        metrics={},
        rng=torch.zeros(3, dtype=torch.uint8),
        generator={"weight": torch.zeros(1000)},
        discriminator={},
        generator_optimizer={},
        discriminator_optimizer={},
    )
    return str(save_checkpoint(folder, checkpoint))


def test_checkpoints_are_found_at_any_depth_with_their_dataset(tmp_path):
    shallow = save(tmp_path / "a", 1, "one")
    again = save(tmp_path / "a", 2, "one")
    deep = save(tmp_path / "b" / "c" / "d", 3, "two")
    (tmp_path / "notes.pt").write_text("no checkpoint")
    found = find_checkpoints([tmp_path / "a", tmp_path])
    assert found == {shallow: "one", again: "one", deep: "two"}
    assert find_checkpoints([tmp_path / "b"]) == {deep: "two"}


def test_one_that_cannot_be_read_may_be_of_any_dataset(tmp_path):
    torn = Path(save(tmp_path, 1, "one"))
    torn.write_bytes(torn.read_bytes()[:500])
    foreign = tmp_path / "step-00000002.pt"
    torch.save([1, 2], foreign)
    assert find_checkpoints([tmp_path]) == {str(torn): "", str(foreign): ""}


def test_a_folder_that_is_not_there_has_none(tmp_path):
    assert find_checkpoints([tmp_path / "nowhere"]) == {}
