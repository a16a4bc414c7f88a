"""`tinyvideo run` as a user runs it: strange files, a second run, and kill -9 at bad moments."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress

import numpy as np
import pytest

from tests.drawn.films import film, flat, shaky_path, write_sound, write_video
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.outputs.output_address import CATALOG_NAME
from tinyvideo.storage.shards.shard_reader import iterate_rows

ODD_NAME = "my \"film\" 'of' 🎬 ; rm -rf $(HOME) #1?.mp4"


def shot(frames, seed=0, **size):
    return film(shaky_path(frames, seed=seed, **size), seed=seed, **size)


def strange_folder(folder):
    """Fill a folder with everything that ends up in folders of videos; return what it should give.

    By file name: the state, and the reason where there is one.
    """
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "text.mp4").write_text("this is no film")
    (folder / "empty.mp4").touch()
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "notes.txt").write_text("not a video by its name, so not found")
    write_sound(folder / "sound.mp4")
    write_video(folder / "dot.mkv", flat(40, 9, 1, 1), codec="ffv1")
    write_video(folder / "three.mp4", shot(3))
    write_video(folder / "wide.mp4", flat(2, 90, 64, 8000))
    write_video(folder / "slow.mp4", shot(40), fps=6)
    write_video(folder / "black.mp4", flat(40))
    whole = write_video(folder / "half.mp4", shot(60))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    uneven = [t / 25 + 0.06 * (t // 16) for t in range(40)]
    write_video(folder / "uneven.mp4", shot(40), times=uneven)
    write_video(folder / "deep" / "er" / ODD_NAME, shot(33, seed=1))
    write_video(folder / "portrait.mp4", shot(33, seed=2), rotation=90)
    return {
        "text.mp4": ("rejected", "not_a_video"),
        "empty.mp4": ("rejected", "not_a_video"),
        "gone.mp4": ("failed", "unreadable"),
        "pipe.mp4": ("failed", "unreadable"),
        "sound.mp4": ("rejected", "no_video_stream"),
        "dot.mkv": ("rejected", "frame_size"),
        "three.mp4": ("rejected", "too_short"),
        "wide.mp4": ("rejected", "frame_size"),
        "slow.mp4": ("rejected", "frame_rate"),
        "black.mp4": ("rejected", "flat"),
        "half.mp4": ("rejected", "not_a_video"),
        "uneven.mp4": ("rejected", "uneven_timing"),
        ODD_NAME: ("sharded", ""),
        "portrait.mp4": ("sharded", ""),
    }


def start(folder, out, url, **settings):
    environment = {**os.environ, **({"PREFECT_API_URL": url} if url else {})}  # else a private one
    environment |= {f"TINYVIDEO_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "tinyvideo.flows.cli", "run", "--folder", folder, "--out", out]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*map(str, command), "--json"], env=environment, text=True, **pipes)


def finish(*arguments, code=0, **settings):
    process = start(*arguments, **settings)
    books, words = process.communicate(timeout=280)
    assert process.returncode == code, words
    return json.loads(books)


def strips_in(out):
    return [row for path in sorted(out.glob("shards/*")) for row in iterate_rows(path)]


def test_a_strange_folder_ends_in_books_that_balance(tmp_path, prefect_url):
    folder, out = tmp_path / "in", tmp_path / "out"
    expected = strange_folder(folder)

    books = finish(folder, out, prefect_url, workers=1)

    catalog = Catalog.open(out / CATALOG_NAME)
    rows = {video.record.title: video for video in catalog.videos()}
    catalog.close()
    assert {title: (row.state.value, row.reason) for title, row in rows.items()} == expected
    assert all(row.detail for row in rows.values() if row.state is not VideoState.SHARDED)
    assert "No such file" in rows["gone.mp4"].detail
    assert books["balanced"]
    assert books["videos"]["found"] == len(expected)
    assert books["videos"]["rejected"] == Counter(
        r for s, r in expected.values() if s == "rejected"
    )
    assert (books["strips"], books["shards"]) == (2, 1)
    strips = {row["title"]: row for row in strips_in(out)}
    assert {(r["source_width"], r["source_height"]) for r in strips.values()} == {
        (320, 180),
        (180, 320),
    }
    assert decode_strip(strips["portrait.mp4"]["jpeg"]).shape == (32, 128, 128, 3)
    assert strips[ODD_NAME]["scene_model"] == "imagenet-proxy"

    before = {path: path.stat().st_mtime_ns for path in out.glob("shards/*")}
    assert finish(folder, out, prefect_url, workers=1) == books  # a second run finds nothing to do
    assert {path: path.stat().st_mtime_ns for path in out.glob("shards/*")} == before

    write_video(folder / "new.mp4", shot(33, seed=3))
    assert finish(folder, out, prefect_url)["strips"] == 3  # and a third only what is new


def wait_for(condition, process):
    deadline = time.monotonic() + 200
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(Exception):  # the catalog may be about to be made
            if condition():
                return
        time.sleep(0.02)
    pytest.fail(f"the moment to kill never came: {process.communicate()}")


def test_killed_at_any_moment_it_finishes_when_run_again(tmp_path, prefect_url):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for seed in range(4):
        write_video(folder / f"{seed}.mp4", shot(66, seed=seed))

    def states():
        catalog = Catalog.open(out / CATALOG_NAME)
        try:
            return Counter(video.state for video in catalog.videos())
        finally:
            catalog.close()

    moments = {
        "videos are leased": lambda: states()[VideoState.LEASED] == 2,
        "strips are on their way": lambda: list(out.rglob("work/*.unfinished")),
        "one video is curated": lambda: states()[VideoState.CURATED] >= 1,
        "the first shard is there": lambda: list(out.glob("shards/*")),
    }
    for condition in moments.values():
        process = start(folder, out, prefect_url, batch_videos=2)
        wait_for(condition, process)
        process.kill()
        process.communicate()

    books = finish(folder, out, prefect_url, batch_videos=2)

    assert books["balanced"]
    assert books["videos"]["sharded"] == 4
    ids = [row["strip_id"] for row in strips_in(out)]
    assert len(ids) == len(set(ids)) == books["strips"] == 8
    assert list(out.glob("work/*")) == list(out.glob("tmp/*")) == []


def test_other_settings_are_refused_and_nothing_is_lost(tmp_path, prefect_url):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "text.mp4").write_text("this is no film")
    for _ in range(2):  # nothing was kept, however often it is asked for
        books = finish(folder, out, prefect_url, code=3)
        assert (books["balanced"], books["strips"]) == (True, 0)

    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "tinyvideo.flows.cli",
            "run",
            "--folder",
            folder,
            "--out",
            out,
            "--size",
            "64",
        ],
        env={**os.environ, "PREFECT_API_URL": prefect_url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 2
    assert "holds strips of configuration" in process.stderr
    assert "(strips.size was 128, is 64); choose another --out" in process.stderr
    assert "Traceback" not in process.stderr
    assert np.array_equal(list(out.glob("shards/*")), [])
