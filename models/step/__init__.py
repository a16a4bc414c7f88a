"""One training step, on one device or on many, and all that the next step depends on.

augmentation    Change clips before the discriminator sees them, so that it cannot learn few
                clips by heart
batch_norm      Batch normalization over the batches of all ranks, on any device
ema             A moving average of the generator: what is shown, while the generator itself
                jumps about
losses          What generator and discriminator are trained for
precision       bf16 on every machine: by the processor's own arithmetic, or rounded by hand
                where it has none
ranks           Training by several processes, one per device, as `torchrun` starts them; or by
                this one alone
sample_figures  Figures of one training step, beside its losses: do the samples still differ, is
                the mask alive?
trainer         One training step of a VGAN, and all that the next step depends on
"""

from tinyvideo.models.step.ranks import Ranks, best_device, is_launched, joined_ranks
from tinyvideo.models.step.trainer import Trainer, check_device

__all__ = [
    "Ranks",
    "Trainer",
    "best_device",
    "check_device",
    "is_launched",
    "joined_ranks",
]
