"""What a user may write, for mypy --strict: never run, see test_front_door."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
import torch

import tinyvideo as tv


def stabilize(film: Path) -> float:
    """Clips."""
    clips = tv.stabilize(film, size=64, method="paper")
    assert_type(clips, Iterator[tv.Clip])
    for clip in clips:
        if clip.frames is not None and clip.certificate is not None:
            assert_type(clip.frames, npt.NDArray[np.uint8])
            return clip.certificate.jitter_px
        assert_type(clip.reason, tv.RejectReason | None)
    tv.stabilize(film, method="2016")  # type: ignore[arg-type]
    return 0.0


def learn(out: tv.Output) -> npt.NDArray[np.uint8]:
    """Outputs, datasets, training."""
    assert_type(out.books(), dict[str, Any])
    assert_type(out.add([tv.VideoRecord(video_id="a", source="b", uri="file:///c")]), int)
    dataset = out.build_dataset("some", where=is_steady, columns=["flicker"])
    assert_type(dataset, tv.Dataset)
    assert_type(dataset.splits, Mapping[str, int])
    with dataset.loader(batch=2) as batches:
        for batch in batches:
            assert_type(batch, torch.Tensor)
    done = tv.train(dataset, recipe="modern", steps=2)
    tv.train(dataset, stepps=2)  # type: ignore[call-arg]
    assert_type(done.checkpoint, Path)
    assert_type(tv.generate(done.checkpoint, 2).masks, npt.NDArray[np.float32])
    return tv.predict(done.checkpoint, "image.png")


def is_steady(strip: Mapping[str, Any]) -> bool:
    """Judge a strip."""
    return float(strip["flicker"]) < 3


assert_type(tv.open("s3://bucket/prefix"), tv.Output)
assert_type(tv.__version__, str)
