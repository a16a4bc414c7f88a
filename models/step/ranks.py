"""Training by several processes, one per device, as `torchrun` starts them; or by this one alone.

Every rank takes its share of each batch: positions r, r + R, r + 2R, ... of R ranks, as the
loader deals them. What is drawn at random is drawn for the whole batch by every rank, from the same
state, and each takes its share of that too; so the number of ranks changes no sample. Gradients
are averaged by DistributedDataParallel, batch normalization uses the statistics of the whole
batch (`models.step.batch_norm`), figures are averaged here. What is left is the order of additions.

Cost: none alone. With several, the gradients' bytes over the network once per network and step,
while the backward pass goes on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tinyvideo.models.step.batch_norm import synchronize
from tinyvideo.models.training_errors import TrainingError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which of how many processes this is."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this one writes what is written once."""
        return self.rank == 0

    def check(self, batch: int) -> None:
        """Refuse a batch that cannot be shared in equal parts.

        Raises:
            TrainingError: the number of ranks does not divide the batch.
        """
        if batch % self.count:
            raise TrainingError(
                f"{self.count} ranks cannot share a batch of {batch} in equal parts; "
                f"set the batch to a multiple of {self.count}"
            )

    def share(self, whole: Tensor) -> Tensor:
        """Take this rank's part of what was drawn for a whole batch, (B, ...)."""
        return whole[self.rank :: self.count]

    def mean(self, values: Tensor) -> Tensor:
        """Average `values` over all ranks."""
        if self.count > 1:
            dist.all_reduce(values)
            values /= self.count
        return values

    def join(self, network: nn.Module) -> nn.Module:
        """Let the backward passes of `network` average their gradients over all ranks.

        A training step may run its forward pass once per backward pass only.
        """
        if self.count == 1:
            return network
        # Buffers are equal by themselves; a broadcast would change them under a backward pass.
        return DistributedDataParallel(network, forward_sync_buffers=False)

    def normalize_together(self, network: nn.Module, *, twice: bool = False) -> nn.Module:
        """Let the batch normalization of `network` see the whole batch.

        With `twice`, gradients of its gradients may be taken, as R1 does.
        """
        return synchronize(network, twice=twice) if self.count > 1 else network

    def from_first(self, value: T | None) -> T:
        """Return what the first rank has: a picklable value, or bytes of any length."""
        if self.count == 1:
            return value  # type: ignore[return-value]
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]  # type: ignore[return-value]


ALONE = Ranks()


def is_launched() -> bool:
    """Tell whether `torchrun` has started this process."""
    return dist.is_torchelastic_launched()


def best_device() -> str:
    """Name the device to train on when nobody has: a GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def joined_ranks(device: str) -> Iterator[Ranks]:
    """Join the other processes for a block, if `torchrun` has started this one; else be alone.

    Raises:
        TrainingError: the others cannot be reached.
    """
    if not is_launched():
        yield ALONE
        return
    try:
        if device.startswith("cuda"):
            torch.cuda.set_device(dist.get_node_local_rank(0))
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f"cannot join the other processes of torchrun: {reason}") from error
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
