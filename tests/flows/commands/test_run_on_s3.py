"""`tinyvideo run` with its shards on S3, and its catalog on a server: nothing stays behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drawn.films import film, shaky_path, write_video
from tests.servers.full_disk import room_for
from tinyvideo.flows.commands.curating.run_command import run_folder
from tinyvideo.pipeline.errors import ExpectedError
from tinyvideo.storage.objects.stores import open_store
from tinyvideo.storage.outputs.output_address import OutputAddress
from tinyvideo.storage.shards.shard_reader import ShardFile, iterate_rows


def tinyvideo(*words, **settings):
    environment = {f"TINYVIDEO_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "tinyvideo.flows.cli", *map(str, words)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )


def books_of(process):
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@pytest.fixture
def films(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for seed in range(2):
        frames = film(shaky_path(33, seed=seed), seed=seed)
        write_video(folder / f"{seed}.mp4", frames)
    return folder


@pytest.fixture
def settings(s3_address, postgres, tmp_path, prefect_url, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    catalog = postgres.new_database()
    return {"storage": s3_address, "catalog": catalog, "work": tmp_path / "work", "workers": 1}


def test_a_run_to_s3_with_a_catalog_on_a_server(films, s3_address, settings):
    work = settings["work"]

    first = tinyvideo("run", "--folder", films, "--json", **settings)
    books = books_of(first)

    assert (books["balanced"], books["strips"], books["shards"]) == (True, 2, 1)
    store = open_store(s3_address)
    (key,) = store.list("shards")
    assert {row["title"] for row in iterate_rows(ShardFile(store, key))} == {"0.mp4", "1.mp4"}
    assert f"{s3_address}/shards" in first.stderr
    left = [path for path in work.rglob("*") if path.is_file() and "prefect" not in path.parts]
    assert [path.name for path in left] == [".lock"]  # no pixel, and no catalog

    before = store.size(key), store.sha256(key)
    assert books_of(tinyvideo("run", "--folder", films, "--json", **settings)) == books
    assert list(store.list("")) == ["README.md", "catalog.owner", key]
    assert (store.size(key), store.sha256(key)) == before
    status = books_of(tinyvideo("status", "--json", **settings))
    assert status.pop("crawl")["films_fetched"] == 0
    assert status == books

    page = books_of(tinyvideo("report", "--json", **settings))["report"]
    assert page == str(OutputAddress.at(s3_address, work).work / "report.html")
    assert "0.mp4" in Path(page).read_text()

    store.delete(key)
    status = tinyvideo("status", **settings)
    assert status.returncode == 3
    assert f"shard {s3_address}/{key} is gone" in status.stderr


@pytest.mark.parametrize("command", ["status", "report"])
def test_where_there_is_no_catalog_it_is_said(command, tmp_path, s3_address):
    process = tinyvideo(command, "--out", s3_address, work=tmp_path)
    assert process.returncode == 2
    assert f"there is no catalog in {tmp_path}/{s3_address.removeprefix('s3://')}" in process.stderr
    assert "Traceback" not in process.stderr


def test_without_a_place_it_is_said_how_to_name_one():
    process = tinyvideo("status")
    assert process.returncode == 2
    assert "say where: --out DIR or s3://BUCKET/PREFIX, or TINYVIDEO_STORAGE" in process.stderr


def refused(films, out, monkeypatch, **settings):
    for name, value in settings.items():
        monkeypatch.setenv(f"TINYVIDEO_{name.upper()}", str(value))
    with pytest.raises(ExpectedError) as caught:
        run_folder(films, out, keep_ui=False)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_bad_places_are_refused_before_anything_starts(
    films, tmp_path, s3_address, postgres, monkeypatch
):
    monkeypatch.setenv("TINYVIDEO_WORK", str(tmp_path / "work"))
    assert "NoSuchBucket" in refused(films, "s3://no-such-bucket/x", monkeypatch)
    assert "is no place for output" in refused(films, "http://host/x", monkeypatch)
    (tmp_path / "file").touch()
    assert f"write to {tmp_path / 'file'}" in refused(films, str(tmp_path / "file"), monkeypatch)
    with room_for(4):
        assert "File too large" in refused(films, str(tmp_path / "full"), monkeypatch)
    with monkeypatch.context() as context:
        nowhere = postgres.address.replace("/postgres?", "/nowhere?")
        assert '"nowhere" does not exist' in refused(films, s3_address, context, catalog=nowhere)
        assert "cannot" in refused(films, s3_address, context, work=tmp_path / "file")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert "SignatureDoesNotMatch" in refused(films, s3_address, monkeypatch)
    assert list(tmp_path.rglob("*prefect*")) == []


def test_a_catalog_keeps_to_its_shards(films, tmp_path, s3_address, monkeypatch):
    catalog = tmp_path / "catalog.db"
    OutputAddress.at(s3_address, tmp_path, str(catalog)).open_catalog(make=True).close()
    monkeypatch.setenv("TINYVIDEO_WORK", str(tmp_path / "work"))
    sentence = refused(films, f"{s3_address}/other", monkeypatch, catalog=catalog)
    assert f"knows the shards of {s3_address}, not those of {s3_address}/other" in sentence
