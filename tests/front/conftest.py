"""What the front door is tried on: films and an output that are known."""

from pathlib import Path

import pytest

import tinyvideo as tv
from tests.drawn.films import film, shaky_path, write_video
from tests.drawn.outputs import add_sharded
from tests.drawn.strip_rows import draw_record
from tests.drawn.training_set import draw_strip


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Two films of one window each."""
    folder = tmp_path / "films"
    folder.mkdir()
    for seed in range(2):
        write_video(folder / f"{seed}.mp4", film(shaky_path(33, seed=seed), seed=seed))
    return folder


@pytest.fixture
def out(tmp_path: Path) -> tv.Output:
    """An output of eight strips: owners Ada (0 to 3) and Bob (4 to 7), grounds of 20 * number."""
    videos = [
        (
            draw_record(video, owner=owner, video_id=f"films-{owner}", source="films"),
            [draw_strip(4 * video + number) for number in range(4)],
        )
        for video, owner in enumerate(("Ada", "Bob"))
    ]
    add_sharded(tmp_path / "out", videos, shot_cut=1)
    return tv.open(tmp_path / "out")
