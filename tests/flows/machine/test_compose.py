"""docker-compose.yml and Dockerfile say what the programs here accept, and what is safe.

There need be no Docker here: commands are held against the programs themselves, variables against
those that are read, and both files against the rules of hadolint and of the design.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.settings import get_current_settings

from tests.servers.seaweed import find_weed
from tinyvideo.flows.commands.operating.up_and_down import SERVER_ENVIRONMENT
from tinyvideo.flows.machine.pool_worker import ENVIRONMENT
from tinyvideo.flows.settings import Settings, variable_of

REPOSITORY = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
EXAMPLE = (REPOSITORY / ".env.example").read_text()

OURS = {name: entry for name, entry in SERVICES.items() if name != "postgres"}


def runs(*command: str) -> str:
    """Run a program for its words on how it is called."""
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return process.stdout + process.stderr


def test_the_services_are_those_of_the_design():
    assert set(SERVICES) == {
        *("postgres", "prefect", "seaweed", "deploy", "worker-cpu", "worker-gpu", "tensorboard"),
    }
    assert SERVICES["worker-gpu"]["profiles"] == ["gpu"]
    devices = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_limited_watched_and_started_again(name):
    service = SERVICES[name]
    assert "mem_limit" in service
    assert service["restart"] == ("no" if name == "deploy" else "unless-stopped")
    assert "healthcheck" in service or name == "deploy"
    assert "container_name" not in service  # or it could not be scaled
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), port


@pytest.mark.parametrize("name", SERVICES)
def test_no_log_fills_the_disk(name):
    logs = SERVICES[name]["logging"]
    assert logs["driver"] == "json-file"
    assert {"max-size", "max-file"} <= set(logs["options"])


def test_the_database_is_not_ready_while_initdb_makes_it():
    # Which starts a server of its own, on a socket only.
    assert "--host=127.0.0.1" in SERVICES["postgres"]["healthcheck"]["test"]


def test_links_in_logs_lead_to_where_a_browser_is():
    worker = SERVICES["worker-cpu"]["environment"]
    assert worker["PREFECT_UI_URL"] == "${PAGE:-http://127.0.0.1:4200}"


def test_no_password_stands_in_the_file_and_none_may_be_missing():
    text = (REPOSITORY / "docker-compose.yml").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    assert asked == {"POSTGRES_PASSWORD", "PREFECT_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"}
    example = dict(
        line.split("=", 1) for line in EXAMPLE.splitlines() if "=" in line and line[0] != "#"
    )
    assert {name for name in asked if example[name]} == set()  # named there, and empty
    assert set(re.findall(r"\$\{(\w+):-", text)) | asked == set(example)
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|AUTH|ACCESS_KEY", variable):
                assert str(value).startswith("${"), variable


def test_ours_are_variables_that_are_read():
    known = {variable_of(name) for name in Settings.model_fields}
    for name, service in OURS.items():
        for variable in service.get("environment", {}):
            if variable.startswith("TINYVIDEO_"):
                assert variable in known, f"{name}: {variable}"


def test_the_variables_of_prefect_are_its_own():
    known = json.dumps(get_current_settings().model_dump(mode="json", context={}))
    assert known  # it can be read at all
    names = {name.upper() for name in prefect_variables()}
    for name, service in OURS.items():
        for variable in service.get("environment", {}):
            if variable.startswith("PREFECT_"):
                assert variable in names, f"{name}: {variable}"


def prefect_variables() -> set[str]:
    from prefect.settings.legacy import _get_settings_fields  # noqa: PLC0415
    from prefect.settings.models.root import Settings as Root  # noqa: PLC0415

    return set(_get_settings_fields(Root))


def test_the_server_is_told_what_up_tells_it():
    environment = SERVICES["prefect"]["environment"]
    assert {name: environment[name] for name in SERVER_ENVIRONMENT} == SERVER_ENVIRONMENT
    assert environment["PREFECT_SERVER_API_AUTH_STRING"].startswith("${PREFECT_PASSWORD:?")
    assert environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"].startswith("postgresql+asyncpg://")
    assert set(ENVIRONMENT).isdisjoint(SERVICES["worker-cpu"]["environment"])  # left as they are


def test_the_ports_fit_together():
    prefect, seaweed = SERVICES["prefect"], SERVICES["seaweed"]
    worker = SERVICES["worker-cpu"]["environment"]
    assert worker["PREFECT_API_URL"] == "http://prefect:4200/api"
    assert prefect["environment"]["PREFECT_SERVER_API_PORT"] == "4200"
    assert prefect["ports"] == ["127.0.0.1:4200:4200"]
    assert worker["AWS_ENDPOINT_URL_S3"] == "http://seaweed:8333"
    assert "-s3.port=8333" in seaweed["command"]
    assert seaweed["ports"] == ["127.0.0.1:8333:8333"]
    (bucket,) = [word for word in seaweed["command"] if word.startswith("-bucket=")]
    assert worker["TINYVIDEO_STORAGE"].startswith(f"s3://{bucket.removeprefix('-bucket=')}/")
    created = COMPOSE["configs"]["databases"]["content"]
    url = prefect["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert created == f"CREATE DATABASE {url.rsplit('/', 1)[1]};"
    assert not worker["TINYVIDEO_CATALOG"].endswith("/prefect")


def test_commands_are_ours():
    for name in ("deploy", "worker-cpu", "worker-gpu"):
        program, *words = SERVICES[name]["command"]
        assert program == "tinyvideo"
        assert "Usage" in runs(sys.executable, "-m", "tinyvideo.flows.cli", words[0], "--help")
    assert [SERVICES[f"worker-{pool}"]["command"][2] for pool in ("cpu", "gpu")] == ["cpu", "gpu"]
    health = SERVICES["worker-cpu"]["healthcheck"]["test"]
    assert health[1:3] == ["tinyvideo", "doctor"]
    assert health[3] in runs(sys.executable, "-m", "tinyvideo.flows.cli", "doctor", "--help")


def test_weed_knows_every_option():
    words = SERVICES["seaweed"]["command"]
    assert words[:3] == ["weed", "-logtostderr=true", "mini"]
    known = runs(find_weed(), "help", "mini")
    for word in words[3:]:
        assert re.search(rf"^\s+{re.escape(word.split('=')[0])}\b", known, re.MULTILINE), word


def test_prefect_and_tensorboard_know_their_options():
    assert SERVICES["prefect"]["command"][:3] == ["python", "-P", "-m"]
    helped = runs(sys.executable, "-m", SERVICES["prefect"]["command"][3], "--help")
    for word in SERVICES["prefect"]["command"]:
        if word.startswith("--"):
            assert word in helped
    helped = runs(sys.executable, "-m", "tensorboard.main", "--help")
    for word in SERVICES["tensorboard"]["command"]:
        if word.startswith("--"):
            assert word in helped


def test_compose_itself_accepts_the_file():
    if shutil.which("docker") is None or "Docker Compose version" not in runs(
        "docker", "compose", "version"
    ):
        pytest.skip("docker compose is not installed")
    names = re.findall(r"^(\w+)=", EXAMPLE, re.MULTILINE)
    process = subprocess.run(
        ["docker", "compose", "config", "--quiet"],
        cwd=REPOSITORY,
        env={**dict.fromkeys(names, "x"), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr


def instructions() -> list[str]:
    """The Dockerfile without comments, one instruction per entry."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [line.strip() for line in joined.splitlines() if line.strip()]


def test_images_are_pinned_by_number():
    images = [line.split()[1] for line in instructions() if line.startswith("FROM")]
    images += [SERVICES["postgres"]["image"]]
    for image in images:
        assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z-]+\$\{[A-Z]+_DIGEST(:-)?\}", image), (
            image
        )


def test_the_dockerfile_keeps_the_rules_of_hadolint():
    lines = instructions()
    verbs = [line.split()[0] for line in lines]
    assert "ADD" not in verbs and "MAINTAINER" not in verbs  # DL3020, DL4000
    for line in lines:
        assert "sudo" not in line and "cd " not in line and ":latest" not in line
        if line.startswith("WORKDIR"):
            assert line.split()[1].startswith("/")  # DL3000
        if line.startswith(("CMD", "ENTRYPOINT")):
            json.loads(line.split(None, 1)[1])  # DL3025
        if "apt-get install" in line:
            assert "--no-install-recommends" in line and "rm -rf /var/lib/apt/lists" in line
        if "pip install" in line:  # DL3013, DL3042: pinned, and no cache in the image
            assert "--mount=type=cache" in line
            assert "--constraint constraints.txt" in line or "--no-deps" in line
    assert verbs.count("CMD") == 1
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users and users[-1] not in {"root", "0"}  # DL3002


def test_what_is_copied_is_there_and_what_is_there_is_copied():
    for line in instructions():
        if line.startswith("COPY") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (REPOSITORY / source).exists(), source
    assert "ENV PATH=/opt/tinyvideo/bin" in DOCKERFILE
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    # Else the dependencies cannot be installed, or the links lead nowhere.
    assert project["tool"]["setuptools"]["packages"]["find"]["include"] == ["tinyvideo*"]
    assert "pip install --no-deps --no-build-isolation ." in DOCKERFILE
    for folder in ("tinyvideo", "flows", "models", "storage", "pipeline"):
        assert f"COPY {folder} {folder}" in DOCKERFILE
        assert f"!{folder}" in (REPOSITORY / ".dockerignore").read_text().splitlines()
