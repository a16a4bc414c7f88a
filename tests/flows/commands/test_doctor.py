"""`tinyvideo doctor` and `settings`: what is wrong is said, and no secret is."""

import json
import os
import subprocess
import sys

from tinyvideo.flows.machine.private_server import free_port

SECRETS = {
    "PREFECT_API_AUTH_STRING": "admin:s3cr3t",
    "TINYVIDEO_CATALOG": "postgresql://me:s3cr3t@db.example/films",
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
    process = tinyvideo(tmp_path, "settings", **SECRETS, TINYVIDEO_WORKERS="3")
    known = {s["variable"]: (s["value"], s["origin"]) for s in json.loads(process.stdout)}
    assert known["TINYVIDEO_WORKERS"] == ("3", "environment")
    assert known["TINYVIDEO_DOWNLOADS"] == ("7", ".env")
    assert known["TINYVIDEO_BATCH_VIDEOS"] == ("256", "default")
    assert known["TINYVIDEO_CATALOG"] == ("postgresql://***@db.example/films", "environment")
    for name in SECRETS:
        assert known[name][1] == "environment"
    assert "s3cr3t" not in process.stdout + process.stderr


def test_a_fit_machine_has_nothing_wrong(tmp_path, prefect_url):
    out = tmp_path / "out"
    process = tinyvideo(tmp_path, "doctor", TINYVIDEO_STORAGE=str(out), TINYVIDEO_WORKERS="1")
    found = findings(process)
    assert found["output"] == ("fine", f"{out} can be written")
    assert found["catalog"][0] == "note"
    assert found["server"][0] == "note"
    assert process.returncode == 0
    worker = tinyvideo(tmp_path, "doctor", "--worker", PREFECT_API_URL=prefect_url)
    assert (worker.returncode, list(findings(worker))) == (0, ["server"])


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
    assert f"no Prefect server answers at {url}; start it" in found["server"][1]
    assert "Traceback" not in process.stderr
