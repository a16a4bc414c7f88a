"""Wrong commands and files get one sentence and exit code 2, and never a traceback."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tests.drawn.barred import barred
from tests.drawn.films import film, shaky_path, write_video
from tinyvideo.flows.cli import app
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip
from tinyvideo.storage.catalog.video_catalog import Catalog


def tinyvideo(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "tinyvideo.flows.cli", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


WRONG = {
    "no such command": (["fly"], "No such command 'fly'"),
    "no such option": (["run", "--colour"], "No such option: --colour"),
    "no folder": (["run", "--out", "out"], "--folder: say where the videos are"),
    "no video": (["run", "--folder", "empty", "--out", "out"], "there is no video in"),
    "no video to crawl": (["crawl", "--folder", "empty", "--out", "out"], "there is no video in"),
    "folder is gone": (["run", "--folder", "gone", "--out", "out"], "gone"),
    "folder is a file": (["run", "--folder", "file", "--out", "out"], "file"),
    "out below a file": (["run", "--folder", ".", "--out", "file/out"], "choose another folder"),
    "odd strip size": (["run", "--folder", ".", "--out", "out", "--size", "100"], "--size must be"),
    "no worker": (
        ["run", "--folder", ".", "--out", "out", "--workers", "0"],
        "--workers: '0' is out of range: it must be at least 1",
    ),
    "workers in words": (["run", "--workers", "many"], "--workers: 'many' is no whole number"),
    "no day": (
        ["run", "--flickr", "--tag", "x", "--since", "2014-13-45", "--out", "out"],
        "--since: '2014-13-45' is no day; write it as 2014-01-31",
    ),
    "no box": (["plan", "--bbox", "1,2"], "--bbox: a box is WEST,SOUTH,EAST,NORTH in degrees"),
    "address for files": (["stabilize", "a.mp4", "--to", "s3://b/x"], "--to: give a path on this"),
    "two words for one": (["render", "a.mp4", "--clips", "file", "-o", "out"], "no clips.json"),
    "width": (["train", "d", "--out", "out", "--width", "0"], "--width must be at least 1, got 0"),
    "no key": (["run", "--flickr", "--tag", "x", "--out", "out"], "TINYVIDEO_FLICKR_KEY"),
    "no catalog": (["status", "--out", "out"], "there is no catalog in"),
    "no report": (["report", "--out", "out"], "there is no catalog in"),
    "no film": (["stabilize", "gone.mp4", "-o", "out"], "gone.mp4"),
    "no film in a folder": (["stabilize", "empty", "-o", "out"], "--pattern '*' takes every file"),
    "no such name": (
        ["crawl", "--folder", ".", "--pattern", "*.xyz", "--out", "out"],
        "whose name is like '*.xyz'; without --pattern every film is taken",
    ),
    "no output": (["stabilize", "file"], "Missing option"),
    "out is a file": (["stabilize", "file", "-o", "file"], "is a file"),
    "namesakes": (["stabilize", "a.mp4", "a.avi", "-o", "out"], "two films are called 'a'"),
    "film size": (["stabilize", "a.mp4", "-o", "out", "--size", "7"], "multiple of 16"),
    "other weights": (["weights", "get", "imagenet"], "there is no 'imagenet'"),
}


@pytest.mark.parametrize(("words", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_command_is_one_sentence(tmp_path, words, sentence):
    for name in ("file", "a.mp4", "a.avi"):
        (tmp_path / name).write_text("no video")
    (tmp_path / "empty").mkdir()

    answer = tinyvideo(*words, cwd=tmp_path)

    assert answer.returncode == 2, answer.stderr
    assert sentence in answer.stderr
    assert answer.stderr.startswith("tinyvideo: ")
    assert answer.stderr.count("\n") == 1  # one sentence, no usage box and no traceback
    assert answer.stdout == ""


def test_stabilize_writes_a_strip_and_a_matrix_per_frame(tmp_path):
    path = write_video(tmp_path / "my film.mp4", film(shaky_path(40)))
    (tmp_path / "text.mp4").write_text("no video")

    answer = tinyvideo("stabilize", path, tmp_path / "text.mp4", "-o", tmp_path / "o", "--json")

    assert answer.returncode == 3, answer.stderr
    assert answer.stderr.endswith(f"not every film could be used: {tmp_path / 'text.mp4'}\n")
    good, bad = json.loads(answer.stdout)
    assert (good["clips"], good["strips"], good["problem"]) == (1, 1, "")
    assert bad["problem"].startswith("not_a_video: ")
    folder = tmp_path / "o" / "my film"
    assert sorted(p.name for p in folder.iterdir()) == ["0000.jpg", "clips.json"]
    (entry,) = json.loads((folder / "clips.json").read_text())
    assert (entry["index"], entry["start_frame"], entry["accepted"]) == (0, 0, True)
    assert entry["reason"] is None
    assert [len(entry["to_first"]), len(entry["to_first"][0]), len(entry["to_first"][0][0])] == [
        32,
        3,
        3,
    ]
    assert json.loads((tmp_path / "o" / "text" / "clips.json").read_text()) == []


def test_a_film_with_bars_is_rendered_without_them(tmp_path):
    frames = barred(film(shaky_path(32)), (24, 24, 0, 0))
    path = write_video(tmp_path / "film.mp4", frames)
    clips = tmp_path / "o" / "film" / "clips.json"

    tinyvideo("stabilize", path, "-o", tmp_path / "o")
    answer = tinyvideo("render", path, "--clips", clips, "--to", tmp_path / "big", "--size", 256)

    (entry,) = json.loads(clips.read_text())
    assert entry["crop"] == {"left": 0, "top": 24, "width": 320, "height": 132}
    assert answer.returncode == 0, answer.stderr
    strip = decode_strip((tmp_path / "big" / "0000.jpg").read_bytes())
    assert strip.shape == (32, 256, 256, 3)
    assert strip[:, [0, -1]].mean() > 80

    other = write_video(tmp_path / "other.mp4", film(shaky_path(32), height=120, width=160))
    start = ("render", other, "--clips", clips, "--to")
    for words, sentence in {
        (*start, tmp_path / "small"): "is of the film 'film.mp4'",
        (*start, tmp_path / "big", "--any-film"): "holds strips of the film 'film.mp4' under the",
        (*start, clips.parent, "--any-film"): "holds strips of something else under the same",
        (*start, tmp_path / "small", "--any-film"): "a picture of 160 x 120 pixels has no part",
    }.items():
        refused = CliRunner().invoke(app, [str(word) for word in words])
        assert refused.exit_code
        told = refused.output + str(refused.exception)
        assert sentence in " ".join(told.replace("│", " ").split())
    assert decode_strip((tmp_path / "big" / "0000.jpg").read_bytes()).shape == strip.shape


def test_books_that_do_not_balance_have_their_own_exit_code(tmp_path):
    catalog = Catalog.open(tmp_path / "catalog.db")
    catalog.fact("videos_found", "3")  # three were entered once, and none is there now
    catalog.close()

    answer = tinyvideo("status", "--out", tmp_path, "--json")

    assert answer.returncode == 3
    books = json.loads(answer.stdout)
    assert books["balanced"] is False
    assert books["problems"] == ["3 videos found, but 0 accounted for"]


def test_settings_that_cannot_be_used_are_named(tmp_path):
    words = ["run", "--folder", ".", "--out", "out"]

    number = tinyvideo(*words, cwd=tmp_path, env={**os.environ, "TINYVIDEO_WORKERS": "many"})
    (tmp_path / ".env").write_text("TINYVIDEO_WORKRES=4\n")
    told = {**os.environ, "TINYVIDEO_ENV_FILE": ".env"}
    mistyped = tinyvideo("settings", cwd=tmp_path, env=told)
    (tmp_path / ".env").write_bytes(b"TINYVIDEO_WORKERS=\xff\n")
    encoding = tinyvideo(*words, cwd=tmp_path, env=told)

    assert [each.returncode for each in (number, mistyped, encoding)] == [2, 2, 2]
    assert number.stderr == "tinyvideo: TINYVIDEO_WORKERS: 'many' is no whole number\n"
    assert mistyped.stderr == (
        f"tinyvideo: TINYVIDEO_WORKRES, in the file {tmp_path}/.env, is no setting; "
        "did you mean TINYVIDEO_WORKERS?\n"
    )
    assert encoding.stderr.startswith(f"tinyvideo: the file {tmp_path}/.env is not UTF-8 text")


def test_stabilize_removes_its_own_strips_and_no_other_picture(tmp_path):
    (tmp_path / "film.mp4").write_text("no video")
    folder = tmp_path / "film"
    folder.mkdir()
    (folder / "2019.jpg").write_text("a picture of somebody's holiday")
    (folder / "0007.jpg").write_text("a strip of an earlier run")
    earlier = [{"index": 7, "accepted": True}, {"index": 2019, "accepted": False}]
    (folder / "clips.json").write_text(json.dumps(earlier))

    tinyvideo("stabilize", tmp_path / "film.mp4", "-o", tmp_path)

    assert sorted(p.name for p in folder.iterdir()) == ["2019.jpg", "clips.json"]
    assert not (tmp_path / "tmp").exists()
