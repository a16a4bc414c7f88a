"""The state of a run, saved whole or not at all, here and in a store.

checkpoint  The state of a training run, saved whole or not at all
mirror      A copy of a run in a store, S3 as a rule, so that it goes on where its machine was
            lost
trained_on  Which checkpoints there are, and which dataset each was trained on
"""

from tinyvideo.models.checkpoints.checkpoint import (
    OLD_ENOUGH,
    Checkpoint,
    list_checkpoints,
    load_checkpoint,
    load_newest,
    save_checkpoint,
    step_of,
)
from tinyvideo.models.checkpoints.mirror import pull, push
from tinyvideo.models.checkpoints.trained_on import find_checkpoints

__all__ = [
    "OLD_ENOUGH",
    "Checkpoint",
    "find_checkpoints",
    "list_checkpoints",
    "load_checkpoint",
    "load_newest",
    "pull",
    "push",
    "save_checkpoint",
    "step_of",
]
