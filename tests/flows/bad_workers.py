"""What goes wrong inside a worker process, done for real; importable by spawned processes."""

import os
import signal
import time

import numpy as np

import flows.worker
from flows.worker import Outcome
from pipeline.errors import RejectReason
from pipeline.types import Clip, VideoRecord


def misbehave(record: VideoRecord) -> Outcome:
    """Curate a video whose decoder does what the title says."""
    flows.worker.curate = globals()[record.title]
    return flows.worker.curate_video(record)


def hang(*_):
    time.sleep(600)
    yield


def linger(*_):
    while True:  # windows keep coming, for ever
        time.sleep(0.05)
        yield Clip(index=0, start_frame=0, reason=RejectReason.FLAT)


def eat_memory(*_):
    hoard = [np.ones(2**27) for _ in range(8)]  # 8 GB
    yield hoard


def crash(*_):
    os.kill(os.getpid(), signal.SIGSEGV)
    yield


def stumble(*_):
    raise KeyError("a bug in the decoder")
    yield
