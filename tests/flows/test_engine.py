"""Batches on a real cluster of Dask and of Ray on this machine: the same shards, the same books."""

import json
import os
import subprocess
import sys

import pytest

from flows.engine import EngineError, task_runner
from flows.options import RunOptions
from tests.films import film, shaky_path, write_video


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_a_cluster_makes_the_shards(engine, tmp_path, prefect_url):
    pytest.importorskip(f"prefect_{engine}")
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for seed in range(3):
        write_video(folder / f"{seed}.mp4", film(shaky_path(33, seed=seed), seed=seed))
    command = [
        "run",
        "--folder",
        folder,
        "--out",
        out,
        "--engine",
        engine,
        "--workers",
        1,
        "--json",
    ]
    process = subprocess.run(
        [sys.executable, "-m", "flows.cli", *map(str, command)],
        env={**os.environ, "PREFECT_API_URL": prefect_url, "TINYVIDEO_BATCH_VIDEOS": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    books = json.loads(process.stdout)
    assert (books["balanced"], books["shards"], books["videos"]["sharded"]) == (True, 2, 3)
    assert not (out / "batches").exists()


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_an_engine_that_is_not_installed_is_one_sentence(engine, monkeypatch):
    for name in ("dask", "prefect_dask.task_runners", "prefect_ray.task_runners"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError, match=rf"pip install 'tinyvideo\[{engine}\]'"):
        task_runner(RunOptions(engine=engine))
