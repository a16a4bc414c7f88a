"""An output with videos that wait is finished without a source: from Python, and by command."""

import os
import subprocess
import sys

import pytest

import tinyvideo as tv
from tests.drawn.films import film, shaky_path, write_video
from tinyvideo.flows.run_options import RunOptions
from tinyvideo.pipeline.find import scan_folder


@pytest.fixture
def run_command(prefect_url, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "tinyvideo.flows.cli", "run", *map(str, words)],
            env=os.environ, capture_output=True, text=True, check=False, timeout=250,
        )  # fmt: skip

    return run


def test_what_was_added_is_done_and_then_nothing_is_left(films, tmp_path, run_command):
    out = tv.open(tmp_path / "out")
    assert out.add(scan_folder(films)) == 2

    books = out.run(workers=1, size=64)

    assert (books["balanced"], books["strips"], books["videos"]["pending"]) == (True, 2, 0)
    assert {row["frames"].shape for row in out.strips([], frames=True)} == {(32, 64, 64, 3)}

    assert out.run(size=64) == books
    nothing = run_command("--out", out.address)
    assert nothing.returncode == 0
    assert f"No video waits at {out.address}; new ones come by --folder" in nothing.stderr

    # A folder beside it is entered first, as the command does.
    more = tmp_path / "more"
    more.mkdir()
    write_video(more / "2.mp4", film(shaky_path(33, seed=2), seed=2))
    assert out.run(more, workers=1, size=64)["strips"] == 3


def test_failed_videos_are_named_and_tried_again_where_asked(tmp_path, run_command):
    out = tv.open(tmp_path / "out")
    lost = tv.VideoRecord(video_id="mine-1", source="mine", uri=(tmp_path / "1.mp4").as_uri())
    out.add([lost])
    assert out.run(workers=1)["videos"]["failed"] == {"unreadable": 1}
    told = run_command("--out", out.address)
    assert "--retry-failed tries 1 again that failed" in told.stderr
    write_video(tmp_path / "1.mp4", film(shaky_path(33)))
    assert out.run(workers=1, retry_failed=True)["strips"] == 1


def test_without_a_catalog_a_source_has_to_be_named(tmp_path, run_command):
    refused = run_command("--out", tmp_path / "new")
    assert refused.returncode == 2
    assert "say where the videos are: --folder, --flickr" in refused.stderr
    with pytest.raises(tv.ExpectedError, match="say where the videos are") as caught:
        tv.open(tmp_path / "new").run()
    assert (caught.value.exit_code, "\n" in str(caught.value)) == (2, False)


def test_a_source_beside_waiting_only_is_refused(tmp_path):
    with pytest.raises(ValueError, match="name no source beside it"):
        RunOptions(waiting_only=True, folder=tmp_path)
    assert RunOptions(waiting_only=True, out=tmp_path).with_addresses().folder is None
    assert RunOptions(waiting_only=True).label == "what waits"
