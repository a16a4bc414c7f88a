"""A dataset at another size: the same strips, sides and rights, of the films that are there."""

import json
import shutil

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from tests.drawn.films import film, shaky_path, write_video
from tests.drawn.outputs import SIZE, add_sharded, strip_of
from tests.drawn.strip_rows import draw_record, draw_strip
from tinyvideo.flows.cli import app
from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.rerender.recrop import ClipPlace
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_reader import iterate_rows

LARGE = 128


def call(*words):
    answer = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert not answer.exception or isinstance(answer.exception, SystemExit), answer.output
    return answer.exit_code, json.loads(answer.stdout or "null"), answer.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three films of two owners, and an output with the strips of their first 32 frames."""
    root = tmp_path_factory.mktemp("rerender")
    videos = []
    for number, owner in enumerate(["ada", "bob", "ada"]):
        path = shaky_path(32, seed=number)
        frames = film(path, seed=number)
        name = root / f"film {number}.mkv"
        write_video(name, frames, codec="ffv1")
        record = draw_record(number, uri=name.as_uri(), owner=owner, license="CC BY 4.0")
        strip = strip_of(frames, path, start_frame=0)
        videos.append((record, [strip]))
    add_sharded(root / "out", videos)
    code, built, _ = call("dataset", "build", "d", "--out", root / "out", "--validation", 0.4)
    assert code == 0
    return root, built


def rows_at(out):
    return {
        row["strip_id"]: row
        for shard in sorted((out / "shards").glob("*.parquet"))
        for row in iterate_rows(shard)
    }


def test_a_dataset_is_made_at_another_size_and_what_has_no_film_is_in_the_books(made, tmp_path):
    root, built = made
    films, large = tmp_path / "films", tmp_path / "large"
    films.mkdir()
    hidden = root / "film 1.mkv"
    shutil.move(hidden, films)
    shutil.copy(root / "film 0.mkv", root / "kept.mkv")
    write_video(root / "film 2.mkv", film(shaky_path(32, seed=9), seed=9), codec="ffv1")

    words = ("rerender", "d", "--out", root / "out", "--to", large, "--size", LARGE)
    code, counts, said = call(*words)
    assert (code, counts["strips"], counts["strips without a film"]) == (3, 1, 2)
    assert "2 strips had no film" in said
    _, books, _ = call("status", "--out", large)
    assert books["balanced"]
    assert books["videos"]["failed"] == {"unreadable": 2}
    _, told, _ = call("failures", "--out", large)
    whys = json.dumps(told)
    assert "the film film 1.mkv is not there" in whys
    assert "another film" in whys

    write_video(root / "film 2.mkv", film(shaky_path(32, seed=2), seed=2), codec="ffv1")
    code, counts, _ = call(*words, "--films", films)
    assert (code, counts["strips"], counts["there already"]) == (0, 2, 1)

    old, new = rows_at(root / "out"), rows_at(large)
    assert old.keys() == new.keys()
    for name, row in new.items():
        was = old[name]
        assert (row["size"], was["size"]) == (LARGE, SIZE)
        small = [
            cv2.resize(frame, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(int)
            for frame in decode_strip(row["jpeg"])
        ]
        assert np.abs(np.stack(small) - decode_strip(was["jpeg"])).mean() < 6
        assert row["camera_motion_px"] == 2 * was["camera_motion_px"]
        assert row["to_first"] == was["to_first"]
        for column in ("owner", "license", "source_file", "object_motion", "start_frame"):
            assert row[column] == was[column]
        assert row["near_duplicate_hash"] is None or len(row["near_duplicate_hash"]) == 48
    _, shown, _ = call("dataset", "show", "d", "--out", large)
    assert shown["counts"] == built["counts"]
    assert shown["owners"] == built["owners"]
    assert call("dataset", "verify", "d", "--out", large, "--full")[0] == 0


def test_an_output_is_not_rendered_into_itself(made):
    out = made[0] / "out"
    code, _, said = call("rerender", "d", "--out", out, "--to", out, "--size", LARGE)
    assert code == 2
    assert "is where the dataset lies" in said


def test_a_strip_without_homographies_says_so():
    row = row_of(draw_record(), draw_strip(start_frame=-1), "0.1.0", "c0ffee")
    with pytest.raises(UnreadableError, match="has no homographies: it was imported"):
        ClipPlace.of_row(row)
