"""tinyvideo: public video in, training data for video generation out, and the training on it.

    import tinyvideo as tv

    for clip in tv.stabilize("film.mp4"):           # every window of 32 frames, kept or dropped
        print(clip.start_s, clip.reason or clip.frames.shape)

    out = tv.open("DIR or s3://BUCKET/PREFIX")      # what `tinyvideo run --out` has made
    out.books(), out.shards, out.strips()           # counts, Parquet files, rows
    golf = out.build_dataset("golf", preset="golf")
    with golf.loader(batch=64) as batches: ...      # tensors for a model of your own

    done = tv.train(golf, recipe="modern", steps=10_000)
    tv.generate(done.checkpoint, 16).videos         # (16, 32, 64, 64, 3)

Where each name comes from:

    stabilized_clips  `stabilize`
    open_output       `open`, `Output`
    opened_dataset    `Dataset`, as an output gives it
    work_process      `Output.run`: the command `tinyvideo run`, in a process of its own
    train_and_use     `train`, `generate`, `predict`
    pipeline/, storage/, models/, flows/    what they stand on; read those from `flows` downward

What is outside the program goes wrong with an `ExpectedError`, whose text is one sentence for
people; a wrong argument is a `ValueError`.

Cost: importing this imports nothing else. Processes that curate videos import it first, and a
name's own module, with NumPy, OpenCV or torch, is loaded when the name is first asked for.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyvideo.models.training import TrainResult
    from tinyvideo.models.use import GeneratedVideos
    from tinyvideo.open_output import Output, open
    from tinyvideo.opened_dataset import Dataset
    from tinyvideo.pipeline.errors import (
        ExpectedError,
        RejectedError,
        RejectReason,
        UnreadableError,
    )
    from tinyvideo.pipeline.types import Clip, StabilizationFigures, VideoRecord
    from tinyvideo.stabilized_clips import stabilize
    from tinyvideo.train_and_use import generate, predict, train

    __version__: str

_HOMES = {
    "Clip": "pipeline.types",
    "Dataset": "opened_dataset",
    "ExpectedError": "pipeline.errors",
    "GeneratedVideos": "models.use",
    "Output": "open_output",
    "RejectReason": "pipeline.errors",
    "RejectedError": "pipeline.errors",
    "StabilizationFigures": "pipeline.types",
    "TrainResult": "models.training",
    "UnreadableError": "pipeline.errors",
    "VideoRecord": "pipeline.types",
    "generate": "train_and_use",
    "open": "open_output",
    "predict": "train_and_use",
    "stabilize": "stabilized_clips",
    "train": "train_and_use",
}
"""The module of each name."""

__all__ = [
    "Clip",
    "Dataset",
    "ExpectedError",
    "GeneratedVideos",
    "Output",
    "RejectReason",
    "RejectedError",
    "StabilizationFigures",
    "TrainResult",
    "UnreadableError",
    "VideoRecord",
    "__version__",
    "generate",
    "open",
    "predict",
    "stabilize",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load a name of the front door when it is first asked for."""
    if name == "__version__":
        found: Any = version(__name__)
    elif name in _HOMES:
        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the names of the front door for whoever looks around."""
    return sorted({*globals(), *__all__})
