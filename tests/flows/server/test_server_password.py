"""Who knows no password gets nothing out of a server that we start, and pages of others neither."""

import fcntl
import json
import urllib.error
import urllib.request
from email.message import Message

import pytest

from tests.servers.prefect_machine import basic
from tinyvideo.flows.server.server_password import (
    keep_password,
    password_for,
    read_password,
    state_folder,
)
from tinyvideo.flows.settings import read_settings

SECRETS = ("POST", "/block_documents/filter", {})
DEPLOYMENT = (
    "POST",
    "/deployments/",
    {"name": "theirs", "flow_id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12},
)
RUN = ("POST", "/flow_runs/filter", {})
POOL = ("POST", "/work_pools/", {"name": "theirs", "type": "process"})


def request(
    url: str, method: str, path: str, body: object = None, **head: str
) -> tuple[int, Message]:
    data = None if body is None else json.dumps(body).encode()
    head = {"Content-Type": "application/json", **head}
    asked = urllib.request.Request(f"{url}{path}", data, head, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


@pytest.mark.parametrize("what", [SECRETS, DEPLOYMENT, RUN, POOL])
def test_without_the_password_nothing_is_read_or_made(prefect_url, what):
    assert request(prefect_url, *what)[0] == 401
    assert request(prefect_url, *what, **basic("tests:guessed"))[0] == 401


def test_with_the_password_secrets_are_read(prefect_url):
    assert request(prefect_url, *SECRETS, **basic())[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
def test_a_page_of_another_origin_may_not_read_answers(prefect_url, origin):
    answered = request(prefect_url, *SECRETS, Origin=origin, **basic())[1]
    asked_first = request(
        prefect_url,
        "OPTIONS",
        "/block_documents/filter",
        Origin=origin,
        **{
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        },
    )[1]
    for head in (answered, asked_first):
        assert head["access-control-allow-origin"] is None


def test_the_page_of_the_server_itself_may(prefect_url):
    own = prefect_url.removesuffix("/api")
    assert (
        request(prefect_url, *SECRETS, Origin=own, **basic())[1]["access-control-allow-origin"]
        == own
    )


def test_a_password_is_random_and_for_its_owner_only(tmp_path):
    (tmp_path / "other").mkdir()
    password = keep_password(tmp_path)
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
    assert keep_password(tmp_path) == read_password(tmp_path) == password
    assert keep_password(tmp_path / "other") != password
    assert len(password.removeprefix("tinyvideo:")) >= 32


def test_nobody_else_looks_into_the_folder_of_the_database(tmp_path):
    tmp_path.chmod(0o755)
    keep_password(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    tmp_path.chmod(0o755)
    keep_password(tmp_path, "admin:mine")
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_password_that_others_could_read_is_replaced(tmp_path):
    password = keep_password(tmp_path)
    (tmp_path / "password").chmod(0o644)
    assert keep_password(tmp_path) != password
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600


def test_no_link_is_written_through(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_text("of somebody else")
    (tmp_path / "password").symlink_to(theirs)
    keep_password(tmp_path, "admin:mine")
    assert theirs.read_text() == "of somebody else"
    assert read_password(tmp_path) == "admin:mine"


def test_the_password_goes_to_our_living_server_only(tmp_path, monkeypatch):
    def found(url: str) -> str:
        monkeypatch.setenv("PREFECT_API_URL", url)
        return password_for(read_settings())

    monkeypatch.delenv("PREFECT_API_AUTH_STRING")
    monkeypatch.setenv("TINYVIDEO_WORK", str(tmp_path))
    state = state_folder(read_settings())
    url = "http://127.0.0.1:4200/api"
    state.mkdir()
    (state / "server.json").write_text(json.dumps({"pid": 1, "note": {"url": url}}))
    password = keep_password(state)
    assert found(url) == ""  # nobody is alive
    with (state / "server.alive").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as a process does that lives
        assert found(url) == found("http://localhost:4200/api/") == password
        assert found("http://127.0.0.1:4201/api") == ""
        assert found("http://evil.example:4200/api") == ""
    assert found(url) == ""
