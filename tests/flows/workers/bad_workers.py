"""What goes wrong inside a worker process, done for real; importable by spawned processes."""

import os
import signal
import socket
import time
from pathlib import Path

import numpy as np

import tinyvideo.flows.workers.video_worker
from tinyvideo.flows.workers.video_worker import Outcome
from tinyvideo.pipeline.errors import RejectReason
from tinyvideo.pipeline.types import Clip, VideoRecord


def misbehave(record: VideoRecord) -> Outcome:
    """Curate a video whose decoder does what the title says."""
    tinyvideo.flows.workers.video_worker.curate = globals()[record.title]
    return tinyvideo.flows.workers.video_worker.curate_video(record)


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


def die_of(name: str) -> None:
    os.kill(os.getpid(), getattr(signal, name))


def write_to(path: Path) -> None:
    path.write_text("written")


def connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port)).close()
