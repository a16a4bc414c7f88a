"""Every option that names a file or folder to write: told in one sentence, before any work."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.servers.full_disk import room_for
from tinyvideo.flows.cli import app
from tinyvideo.flows.terminal.plain_files import (
    PlainFileError,
    check_file,
    check_folder,
    whole_file,
)

FOLDERS = {
    "stabilize": "stabilize {film} --to {to}",
    "render": "render {film} --clips {film} --to {to}",
    "export": "export --format mp4 --out out --to {to}",
    "generate": "generate run --to {to}",
    "weights": "weights get places365 --to {to}",
    "chaos-demo": "chaos-demo --videos 1 --to {to}",
    "demo": "demo --out {to}",
}
FILES = {"credits": "credits --out out --to {to}", "predict": "predict run {film} --to {to}"}


def call(words, to, film):
    answer = CliRunner().invoke(app, words.format(to=to, film=film).split())
    assert isinstance(answer.exception, SystemExit)
    assert answer.exit_code == 2
    return " ".join(answer.stderr.split())


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"any file")
    return path


@pytest.mark.parametrize("words", [*FOLDERS.values(), *FILES.values()], ids=[*FOLDERS, *FILES])
def test_what_cannot_be_written_is_told_before_any_work(words, film):
    assert "/proc/x" in call(words, "/proc/x", film)
    below = film / "below"
    assert "film.mp4" in call(words, below, film)


@pytest.mark.parametrize("words", FILES.values(), ids=FILES)
def test_a_folder_is_no_file(words, tmp_path, film):
    said = call(words, tmp_path, film)
    assert "directory" in said.lower()


def test_a_full_disk_is_told_before_any_work(tmp_path):
    with room_for(100), pytest.raises(PlainFileError, match="make room"):
        check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_trying_leaves_nothing_behind_and_changes_nothing(tmp_path):
    (tmp_path / "a.md").write_text("mine")
    check_file(tmp_path / "a.md")
    check_file(tmp_path / "new" / "b.md")
    check_folder(tmp_path / "new")
    check_file(Path("/dev/stdout"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]
    assert (tmp_path / "a.md").read_text() == "mine"


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("before")
    with pytest.raises(PlainFileError), whole_file(path) as file:
        file.write("half of it")
        raise OSError(28, "No space left on device")
    assert [p.name for p in tmp_path.iterdir()] == ["a.md"]
    assert path.read_text() == "before"

    with whole_file(path) as file:
        file.write("after")
    assert path.read_text() == "after"


def test_a_link_to_a_file_stays_a_link(tmp_path):
    (tmp_path / "real.md").write_text("before")
    (tmp_path / "link.md").symlink_to("real.md")
    with whole_file(tmp_path / "link.md") as file:
        file.write("after")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real.md").read_text() == "after"


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_can_be_none_is_told(tmp_path, name):
    with pytest.raises(PlainFileError, match="cannot write to"), whole_file(tmp_path / name):
        pass
