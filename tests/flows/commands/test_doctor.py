"""`tinyvideo doctor` and `settings`: what is wrong is said, and no secret is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinyvideo as installed
from tinyvideo.flows.commands.operating import installed_copies
from tinyvideo.flows.server.private_server import free_port

SECRETS = {
    "PREFECT_API_AUTH_STRING": "admin:s3cr3t",
    "TINYVIDEO_CATALOG": "postgresql://me:s3cr3t@db.example/films?sslpassword=s3cr3t",
    "TINYVIDEO_NOTIFY_URL": "https://hooks.example/s3cr3t",
    "TINYVIDEO_FLICKR_KEY": "s3cr3t",
    "TINYVIDEO_FLICKR_SECRET": "s3cr3t",
    "TINYVIDEO_PROXY": "http://me:s3cr3t@proxy.example",
}


def tinyvideo(folder, *words, **settings):
    return subprocess.run(
        [sys.executable, "-m", "tinyvideo.flows.cli", *words, "--json"],
        env={**os.environ, **settings},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def findings(process):
    return {each["what"]: (each["verdict"], each["says"]) for each in json.loads(process.stdout)}


def test_settings_say_where_they_come_from_and_no_secret(tmp_path):
    (tmp_path / ".env").write_text("TINYVIDEO_DOWNLOADS=7\nTINYVIDEO_WORKERS=9\n")
    told = {**SECRETS, "TINYVIDEO_WORKERS": "3", "TINYVIDEO_ENV_FILE": ".env"}
    process = tinyvideo(tmp_path, "settings", **told)
    known = {s["variable"]: (s["value"], s["origin"]) for s in json.loads(process.stdout)}
    assert known["TINYVIDEO_WORKERS"] == ("3", "environment")
    assert known["TINYVIDEO_DOWNLOADS"] == ("7", "file")
    assert known["TINYVIDEO_BATCH_VIDEOS"] == ("256", "default")
    assert known["TINYVIDEO_CATALOG"] == (
        "postgresql://***@db.example/films?sslpassword=***",
        "environment",
    )
    for name in SECRETS:
        assert known[name][1] == "environment"
    assert "s3cr3t" not in process.stdout + process.stderr


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("PREFECT_API_URL", "http://me:s3cr3t@127.0.0.1:4200/api", "PREFECT_API_AUTH_STRING is"),
        ("TINYVIDEO_CATALOG", "postgresql://me:a@s3cr3t@host/db", "is written %40"),
        ("TINYVIDEO_CATALOG", "mysql://me:s3cr3t@host/db", "is no catalog"),
        ("TINYVIDEO_YTDLP", '"http://me:s3cr3t@proxy"', "TINYVIDEO_YTDLP: '***' is no JSON object"),
        ("TINYVIDEO_STORAGE", "ftp://me:s3cr3t@host/x", "ftp://***@host/x is no place"),
        ("TINYVIDEO_WORKERS", "http://me:s3cr3t@host", "'http://***@host' is no whole number"),
    ],
)
def test_what_is_wrong_with_a_secret_is_said_without_it(tmp_path, variable, value, says):
    told = {"TINYVIDEO_STORAGE": str(tmp_path / "out"), variable: value}
    process = tinyvideo(tmp_path, "doctor", **told)
    printed = process.stdout + process.stderr
    assert says in printed
    assert "s3cr3t" not in printed
    assert "Traceback" not in printed


def test_a_file_of_settings_that_merely_lies_here_is_not_read(tmp_path):
    (tmp_path / ".env").write_text('TINYVIDEO_YTDLP={"external_downloader": "/tmp/theirs"}\n')
    process = tinyvideo(tmp_path, "settings")
    known = {s["variable"]: (s["value"], s["origin"]) for s in json.loads(process.stdout)}
    assert known["TINYVIDEO_YTDLP"] == ("", "default")
    assert "the file .env in this folder has settings and is not read" in process.stderr
    assert "TINYVIDEO_ENV_FILE=.env reads it" in process.stderr


def test_a_fit_machine_has_nothing_wrong(tmp_path, prefect_url):
    out = tmp_path / "out"
    process = tinyvideo(tmp_path, "doctor", TINYVIDEO_STORAGE=str(out), TINYVIDEO_WORKERS="1")
    found = findings(process)
    assert found["output"] == ("fine", f"{out} can be written")
    assert found["catalog"][0] == "note"
    assert found["server"][0] == "note"
    assert process.returncode == 0
    worker = tinyvideo(tmp_path, "doctor", "--worker", PREFECT_API_URL=prefect_url)
    assert (worker.returncode, list(findings(worker))) == (0, ["server", "password"])


def test_what_is_wrong_is_said_with_its_way_out(tmp_path):
    (tmp_path / "file").touch()
    url = f"http://127.0.0.1:{free_port()}/api"
    process = tinyvideo(
        tmp_path,
        "doctor",
        TINYVIDEO_STORAGE=str(tmp_path / "file" / "out"),
        TINYVIDEO_PLACES_WEIGHTS=str(tmp_path / "none.pth"),
        TINYVIDEO_WORKERS="256",
        PREFECT_API_URL=url,
    )
    assert process.returncode == 1
    found = findings(process)
    assert found["output"][0] == "wrong"
    assert "set TINYVIDEO_WORKERS=" in found["memory"][1]
    assert "tinyvideo weights get places365" in found["weights"][1]
    assert f"no Prefect server answers at {url}; start that server" in found["server"][1]
    assert "Traceback" not in process.stderr


RUNNING = Path(installed.__file__).resolve().parents[1]


@pytest.fixture
def alone(monkeypatch):
    """Only the copy that runs can be found: on the import path, and in no folder of PATH."""
    monkeypatch.setattr(sys, "path", [str(RUNNING)])
    monkeypatch.setenv("PATH", "")


def test_one_copy_is_alone(alone):
    assert installed_copies.running_copy() == RUNNING
    assert installed_copies.other_copies() == []


def make_clone(folder):
    (folder / "tinyvideo").mkdir(parents=True)
    (folder / "tinyvideo" / "__init__.py").touch()
    return folder


def test_a_clone_on_the_import_path_is_found(alone, tmp_path, monkeypatch):
    clone = make_clone(tmp_path / "clone")
    monkeypatch.setattr(sys, "path", [str(RUNNING), str(clone), str(tmp_path)])

    assert installed_copies.other_copies() == [clone]


@pytest.mark.parametrize("editable", [True, False])
def test_an_installed_copy_is_found_where_its_code_lies(alone, tmp_path, monkeypatch, editable):
    clone, site = make_clone(tmp_path / "a clone"), tmp_path / "site"
    entry = site / "tinyvideo-0.0.7.dist-info"
    entry.mkdir(parents=True)
    (entry / "METADATA").write_text("Metadata-Version: 2.1\nName: tinyvideo\nVersion: 0.0.7\n")
    origin = {"url": clone.as_uri(), "dir_info": {"editable": editable}}
    (entry / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.setattr(sys, "path", [str(RUNNING), str(site)])

    assert installed_copies.other_copies() == [clone if editable else site]


def test_a_command_of_another_environment_is_found(alone, tmp_path, monkeypatch):
    (tmp_path / "tinyvideo").write_text("#!/bin/sh\n")
    (tmp_path / "tinyvideo").chmod(0o755)
    monkeypatch.setenv("PATH", f"/nowhere:{tmp_path}")

    assert installed_copies.other_copies() == [tmp_path]


def test_the_doctor_says_which_copy_runs_and_where_another_lies(tmp_path):
    clone = make_clone(tmp_path / "clone")
    paths = f"{RUNNING}{os.pathsep}{clone}"

    process = tinyvideo(tmp_path, "doctor", PYTHONPATH=paths, TINYVIDEO_WORKERS="1")

    verdict, says = findings(process)["copy"]
    assert (process.returncode, verdict) == (0, "note")
    assert f" runs from {RUNNING}; there is another in " in says
    assert str(clone) in says
