"""Every example runs as it is printed, on drawn films, and does what it says."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import tinyvideo as tv
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip
from tinyvideo.storage.objects.stores import open_store

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent), **environment},
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_example_opens_with_what_it_shows_and_is_run_here():
    names = sorted(path.stem for path in EXAMPLES.glob("*.py"))
    here = Path(__file__).read_text()
    for name in names:
        text = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text())) or ""
        assert f"python examples/{name}.py" in text
        assert f'run("{name}"' in here or f'run(\n        "{name}"' in here
    assert len(names) == 6


def test_stabilize_folder(films, tmp_path):
    (films / "text.txt").write_text("no film")
    said = run("stabilize_folder", films, tmp_path / "strips")
    assert "0.mp4 0 kept" in said
    assert "text.txt not_a_video" in said
    for name in ("0-0.npy", "1-0.npy"):
        assert np.load(tmp_path / "strips" / name).shape == (32, 128, 128, 3)


def test_train_own_model(out, tmp_path):
    out.build_dataset("all", validation=0, test=0)
    whole = run("train_own_model", out.address, "all", 4, tmp_path / "whole.pt")
    parts = [run("train_own_model", out.address, "all", n, tmp_path / "parts.pt") for n in (2, 4)]
    assert len(whole.splitlines()) == 4
    assert "".join(parts) == whole  # stopped in the middle, it sees the same clips


def test_own_source(films, tmp_path, prefect_url):
    free, kept = (f"https://creativecommons.org/licenses/{kind}/4.0/" for kind in ("by", "by-nd"))
    index = films / "index.csv"
    index.write_text(
        "number,file,title,artist,license,license_url\n"
        f"1,0.mp4,First,Ada,CC BY 4.0,{free}\n2,1.mp4,Second,Bob,CC BY-ND 4.0,{kept}\n"
    )
    said = run("own_source", index, tmp_path / "own", PREFECT_API_URL=prefect_url)
    assert said.startswith("2 new videos\n")
    (strip,) = tv.open(tmp_path / "own").strips(["strip_id", "title", "owner", "license"])
    assert strip == {
        "strip_id": "archive-1-00000", "title": "First", "owner": "Ada", "license": "CC BY 4.0",
    }  # fmt: skip
    assert str(strip) in said
    assert tv.open(tmp_path / "own").books()["videos"]["rejected"] == {"not_allowed_license": 1}


def test_own_filter(out):
    said = run("own_filter", out.address)
    lively, bright = out.dataset("lively"), out.dataset("bright")
    assert lively.query["own_choice"]["by"] == "__main__.lively_and_steady"
    assert lively.splits["train"] == 8
    # Grounds of 20 * number with a white square on a sixteenth of it.
    assert bright.splits["train"] == 3
    assert repr(bright) in said


def test_query_with_duckdb(out, tmp_path):
    said = run("query_with_duckdb", out.address, tmp_path / "best.jpg")
    assert "Ada: 4 strips, flicker 0.0" in said
    assert "films-Ada-00000" in said
    assert decode_strip((tmp_path / "best.jpg").read_bytes()).shape == (32, 64, 64, 3)


def test_resume_on_s3(films, tmp_path, s3_address, prefect_url):
    here = {"TINYVIDEO_WORK": str(tmp_path / "here"), "PREFECT_API_URL": prefect_url}
    first = run("resume_on_s3", s3_address, films, 2, **here)
    again = run("resume_on_s3", s3_address, films, 4, **here)
    assert "2 strips in" in first
    assert [line.split()[1] for line in first.splitlines() if line.startswith("step")] == ["1", "2"]
    assert [line.split()[1] for line in again.splitlines() if line.startswith("step")] == ["3", "4"]
    assert "revision 1" in again
    assert "(1, 32, 64, 64, 3)" in again
    kept = list(open_store(f"{s3_address}/training/first").list(""))
    assert any("step-00000004" in key for key in kept)
