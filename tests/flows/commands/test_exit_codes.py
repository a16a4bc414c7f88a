"""Commands that did not do what was asked say so, and never end with 0 without a word."""

import json

import pytest
from typer.testing import CliRunner

from tests.drawn.films import film, flat, shaky_path, write_video
from tests.drawn.released import strips_of, write_tarball
from tinyvideo.flows.cli import app
from tinyvideo.flows.commands.curating.output_commands import what_is_missing
from tinyvideo.flows.commands.finding import chaos_command
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.outputs.output_address import CATALOG_NAME


def call(*words):
    """Run a command here; return its exit code, its document, and its last sentence."""
    answer = CliRunner().invoke(app, [*map(str, words), "--json"])
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    said = answer.stderr.strip().splitlines()
    return answer.exit_code, json.loads(answer.stdout), said[-1] if said else ""


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Films by name: one that is kept, one that is not, one too short, and a text."""
    folder = tmp_path_factory.mktemp("films")
    write_video(folder / "good.mp4", film(shaky_path(33)))
    write_video(folder / "black.mp4", flat(40))
    write_video(folder / "short.mp4", film(shaky_path(3)))
    (folder / "text.mp4").write_text("this is no film")
    return {path.stem: path for path in folder.iterdir()}


STABILIZED = {
    ("good",): (0, "good.mp4: 1 strips of 1 windows"),
    ("good", "black"): (0, "black.mp4: 0 strips of 1 windows"),
    ("text",): (2, "there is nothing to stabilize in "),
    ("text", "short"): (2, "there is nothing to stabilize in "),
    ("black",): (3, "no strip was kept: all 1 windows were rejected; clips.json says why"),
    ("good", "text"): (3, "not every film could be used: "),
}


@pytest.mark.parametrize(("names", "expected"), STABILIZED.items(), ids=map(str, STABILIZED))
def test_stabilize(films, tmp_path, names, expected):
    answer = CliRunner().invoke(
        app, ["stabilize", *(str(films[name]) for name in names), "-o", str(tmp_path), "--json"]
    )

    code, sentence = expected
    assert answer.exit_code == code
    assert sentence in answer.stderr
    assert [entry["film"] for entry in json.loads(answer.stdout)] == [str(films[n]) for n in names]


def test_render_of_nothing(films, tmp_path):
    call("stabilize", films["black"], "--out", tmp_path)
    clips = tmp_path / "black" / "clips.json"

    code, told, said = call("render", films["black"], "--clips", clips, "--to", tmp_path / "big")

    assert (code, told["strips"]) == (3, 0)
    assert said == f"tinyvideo: no strip was cut: {clips} has no window that was accepted"


def test_credits_of_nobody(tmp_path):
    Catalog.open(tmp_path / CATALOG_NAME).close()

    code, told, said = call("credits", "--out", tmp_path, "--to", tmp_path / "c.md")

    assert (code, told["videos"]) == (3, 0)
    assert said == "tinyvideo: nobody is credited: no shard holds a strip"


def test_import_of_nothing_and_again_of_what_is_known(tmp_path):
    short = write_tarball(tmp_path / "short.tar", strips_of(4632147167, 20))
    good = write_tarball(tmp_path / "good.tar", strips_of(77, 32))
    words = ("import", "tinyvideo", "--out", tmp_path / "out", "--tar")

    code, told, said = call(*words, short)
    assert (code, told["strips"], said) == (3, 0, f"tinyvideo: no strip came out of {short}")
    assert call(*words, good)[:1] == (0,)
    code, told, _ = call(*words, good)
    assert (code, told["strips"], told["known"]) == (0, 0, 1)


def books(strips=0, found=3, pending=0, **ended):
    videos = {"found": found, "pending": pending, "rejected": {}, "failed": {}, **ended}
    return {"strips": strips, "videos": videos}


def test_what_a_run_has_not_done():
    nothing = books(rejected={"flat": 1, "too_short": 1}, failed={"unreadable": 1})

    assert what_is_missing(books(strips=2, rejected={"flat": 1})) == ""
    assert what_is_missing(books(strips=2, pending=1)).startswith("1 videos are pending; run")
    assert what_is_missing(books(found=0)).startswith("no video was found, so there is no strip: ")
    assert what_is_missing(nothing) == (
        "no strip was kept: of 3 videos, 2 were rejected and 1 failed; the books say why"
    )


@pytest.mark.parametrize(
    ("wrong_ends", "balanced", "lost", "expected"),
    [
        ({}, True, 0, 0),
        ({"7": ["sharded", "gone"]}, True, 0, 3),
        ({}, False, 0, 3),
        ({}, True, 1, 3),
    ],
)
def test_a_crawl_that_the_imitation_contradicts(monkeypatch, wrong_ends, balanced, lost, expected):
    result = {
        "wrong_ends": wrong_ends,
        "balanced": balanced,
        "lost_in_proven": lost,
        "videos": {},
    }
    monkeypatch.setattr(chaos_command, "crawl_imitation", lambda *_, **__: result)

    code, told, _ = call("chaos-demo")

    assert (code, told) == (expected, result)
