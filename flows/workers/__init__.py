"""Processes that curate videos, and the batch that they are leased with.

batch_lease   A batch while a run works on it: taken, renewed, and closed at the end
confinement   What a process may take that reads bytes of strangers: memory, threads, signals
landlock      No network and no writable file system for this process, where the kernel knows
              Landlock
limited_calls  A function that reads bytes of strangers, called in a process with limits
process_pool  Worker processes for the videos of a batch, and what their deaths mean
video_worker  One video in a process of its own: curate it, leave its strips in a part file
"""

from tinyvideo.flows.workers.batch_lease import (
    LEASE_S,
    RENEW_S,
    LeasedBatch,
    at_work,
    leased_batch,
    worker_name,
)
from tinyvideo.flows.workers.landlock import TCP_SINCE, landlock_version
from tinyvideo.flows.workers.limited_calls import LimitedCalls, Limits
from tinyvideo.flows.workers.process_pool import Supply, curate_videos
from tinyvideo.flows.workers.video_worker import Outcome, WorkerConfig, failed

__all__ = [
    "LEASE_S",
    "RENEW_S",
    "TCP_SINCE",
    "LeasedBatch",
    "LimitedCalls",
    "Limits",
    "Outcome",
    "Supply",
    "WorkerConfig",
    "at_work",
    "curate_videos",
    "failed",
    "landlock_version",
    "leased_batch",
    "worker_name",
]
