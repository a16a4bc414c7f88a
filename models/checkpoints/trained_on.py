"""Which checkpoints there are, and which dataset each was trained on.

A takedown asks: what it removes from datasets stays in the weights of what was trained on them.

Cost: 2 ms per checkpoint of 320 MB, since its tensors are mapped and not read.
"""

import pickle
from collections.abc import Iterable
from pathlib import Path

import torch

from tinyvideo.models.checkpoints.checkpoint import list_checkpoints


def find_checkpoints(folders: Iterable[Path]) -> dict[str, str]:
    """Look below some folders; return the manifest's id by the path of each checkpoint.

    The id is "" where a file bears the name of a checkpoint and cannot be read: it may be of any
    dataset.
    """
    places = {file.parent for folder in folders for file in folder.rglob("step-*.pt")}
    paths = {path.absolute() for place in places for path in list_checkpoints(place)}
    return {str(path): _manifest_id(path) for path in sorted(paths)}


def _manifest_id(path: Path) -> str:
    try:
        state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
        return str(state["manifest_id"])
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.PickleError):
        return ""
