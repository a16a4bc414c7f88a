"""A folder is scanned for what its names and the operating system say; no video is needed."""

import hashlib
import inspect
import os
import socket
import sys

import pytest

from tinyvideo.pipeline.errors import RejectReason, UnreadableError
from tinyvideo.pipeline.find.folders import path_of, scan_folder

ODD_NAMES = [
    b"with spaces.mp4",
    b"-o.mp4",
    b"time 12:30.mp4",
    b'it\'s "quoted".mp4',
    "\N{SLICE OF PIZZA} é.mp4".encode(),
    b"; rm -rf ~.mp4",
    b"100% sure?#1.mp4",
    b"line\nbreak.mp4",
    b"caf\xe9.mp4",
]


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def titles(folder):
    return [record.title for record in scan_folder(folder)]


def test_walks_sub_folders_in_the_order_of_names(tmp_path):
    touch(tmp_path, "b/z.mp4", "b/a.mp4", "c.mov", "a.avi", "B.mkv", "b/deep/er/m.webm")
    assert titles(tmp_path) == ["B.mkv", "a.avi", "a.mp4", "m.webm", "z.mp4", "c.mov"]


def test_takes_videos_by_suffix_in_upper_and_lower_case(tmp_path):
    touch(tmp_path, "a.MP4", "b.M2tS", "c.mp4.txt", "d.jpg", "mp4", "e.mp4")
    assert titles(tmp_path) == ["a.MP4", "b.M2tS", "e.mp4"]


def test_skips_hidden_files_and_folders(tmp_path):
    touch(tmp_path, "._a.mp4", ".cache/b.mp4", ".mp4", "c.mp4")
    assert titles(tmp_path) == ["c.mp4"]


def test_a_folder_may_bear_the_name_of_a_video(tmp_path):
    touch(tmp_path, "album.mp4/a.mp4")
    assert titles(tmp_path) == ["a.mp4"]


def test_record_says_where_the_video_is(tmp_path):
    touch(tmp_path, "my film.mp4")
    (record,) = scan_folder(tmp_path)

    assert record.uri == f"{tmp_path.resolve().as_uri()}/my%20film.mp4"
    assert record.video_id == "folder-" + hashlib.sha256(record.uri.encode()).hexdigest()[:16]
    assert (record.source, record.owner, record.license, record.problem) == ("folder", "", "", "")


def test_id_does_not_depend_on_how_the_folder_is_spelled(tmp_path, monkeypatch):
    touch(tmp_path, "films/a.mp4")
    (tmp_path / "link").symlink_to("films")
    monkeypatch.chdir(tmp_path / "films")
    spellings = [tmp_path / "films", tmp_path / "films/../link"]
    spellings += [type(tmp_path)("."), type(tmp_path)("../films")]

    assert len({next(scan_folder(folder)).video_id for folder in spellings}) == 1


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_file_name_survives(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.touch()
    (record,) = scan_folder(tmp_path)

    assert path_of(record.uri) == path
    assert record.uri.isascii()
    assert record.title.encode() == name.replace(b"\xe9", b"\\xe9")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        pytest.param(lambda path: path.symlink_to("gone"), "No such file", id="link-to-nowhere"),
        pytest.param(lambda path: path.symlink_to(path), "Too many levels", id="link-to-itself"),
        pytest.param(os.mkfifo, "not a regular file", id="fifo"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), "not a regular", id="device"),
    ],
)
def test_what_cannot_be_a_video_is_a_record_with_a_problem(tmp_path, make, problem):
    make(tmp_path / "a.mp4")
    touch(tmp_path, "b.mp4")
    bad, good = scan_folder(tmp_path)

    assert problem in bad.problem
    assert str(tmp_path / "a.mp4") in bad.problem
    assert bad.title == "a.mp4"
    assert good.problem == ""


def test_a_socket_is_a_record_with_a_problem(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the address of a socket has 107 bytes at most
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("a.mp4")
        (record,) = scan_folder(tmp_path)
    assert "not a regular file" in record.problem


def test_the_problem_of_an_undecodable_name_is_valid_text(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.mp4")).symlink_to("gone")
    (record,) = scan_folder(tmp_path)
    assert "No such file" in record.problem.encode().decode()


def test_follows_links_to_files_but_not_to_folders(tmp_path):
    touch(tmp_path, "films/a.mp4")
    (tmp_path / "films/circle.mp4").symlink_to(tmp_path)
    (tmp_path / "link.mp4").symlink_to("films/a.mp4")
    assert titles(tmp_path) == ["a.mp4", "link.mp4"]


def test_a_folder_without_rights_is_a_record_and_the_walk_goes_on(nobody):
    folder, without_rights = nobody
    touch(folder, "closed/a.mp4", "open/b.mp4")
    (folder / "closed").chmod(0)
    with without_rights():
        closed, film = scan_folder(folder)

    assert "Permission denied" in closed.problem
    assert closed.uri == (folder / "closed").as_uri()
    assert film.title == "b.mp4"


def test_deep_folders_do_not_exhaust_the_stack(tmp_path):
    folder = tmp_path
    for _ in range(300):
        folder /= "d"
        folder.mkdir()
    touch(folder, "a.mp4")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        assert titles(tmp_path) == ["a.mp4"]
    finally:
        sys.setrecursionlimit(limit)


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(UnreadableError, match=r"^the folder of videos cannot .* No such file"):
        scan_folder(tmp_path / "gone")


def test_a_file_is_no_folder(tmp_path):
    touch(tmp_path, "a.mp4")
    with pytest.raises(UnreadableError, match="Not a directory"):
        scan_folder(tmp_path / "a.mp4")


def test_a_link_in_a_circle_is_no_folder(tmp_path):
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(UnreadableError, match=r"loop|Too many levels"):
        scan_folder(tmp_path / "circle")


def test_an_unreadable_folder_keeps_the_true_text(nobody):
    folder, without_rights = nobody
    (folder / "closed").mkdir(mode=0)
    with without_rights(), pytest.raises(UnreadableError, match="Permission denied"):
        scan_folder(folder / "closed")


@pytest.mark.parametrize(
    "uri", ["https://host/a.mp4", "file://host/a.mp4", "file:a.mp4", "/a.mp4", "file:///a?b.mp4"]
)
def test_only_local_files_have_a_path(uri):
    with pytest.raises(ValueError, match="not the address of a local file"):
        path_of(uri)


FIRST_BYTES = {
    "mp4": b"\0\0\0\x20ftypisom",
    "old mov": b"\0\0\0\x08wide\0\0\0\0mdat",
    "avi": b"RIFF\0\0\0\0AVI LIST",
    "mkv": b"\x1aE\xdf\xa3\x01",
    "program stream, as of .MOD": b"\0\0\x01\xba\x44",
    "ts": (b"G" + bytes(187)) * 4,
    "m2ts, as of .tod": (bytes(4) + b"G" + bytes(187)) * 4,
    "wmv": b"0&\xb2u\x8ef\xcf\x11",
}
NO_FILMS = {
    "nothing": b"",
    "words": b"Gone with the wind, " * 60,
    "heic": b"\0\0\0\x18ftypheic",
    "sound": b"\0\0\0\x18ftypM4A ",
    "wav": b"RIFF\0\0\0\0WAVEfmt ",
    "ogg of sound": b"OggS\0\x02" + bytes(22) + b"\x01vorbis",
}


@pytest.mark.parametrize("name", [*FIRST_BYTES, *NO_FILMS])
@pytest.mark.parametrize("called", ["IMG 0001", "clip.bak", "a.dat"])
def test_a_film_without_the_suffix_of_one_is_known_by_its_first_bytes(tmp_path, name, called):
    (tmp_path / called).write_bytes((FIRST_BYTES | NO_FILMS)[name])
    assert titles(tmp_path) == ([called] if name in FIRST_BYTES else [])


def test_cameras_suffixes_are_taken_in_any_case(tmp_path):
    touch(tmp_path, "MOV001.MOD", "b.tod", "VID_1.insv", "c.360")
    assert len(titles(tmp_path)) == 4


def test_what_bears_the_suffix_of_something_else_is_not_looked_into(tmp_path):
    (tmp_path / "a.jpg").write_bytes(FIRST_BYTES["mp4"])
    (tmp_path / "a.jpg").chmod(0)
    assert titles(tmp_path) == []


@pytest.mark.parametrize(
    ("preview", "film"),
    [
        ("GL010123.LRV", "GX010123.MP4"),
        ("GOPR0123.LRV", "GOPR0123.MP4"),
        ("LRV_20_11_001.insv", "VID_20_11_001.insv"),
        ("DJI_0001.LRF", "DJI_0001.MP4"),
    ],
)
def test_the_preview_of_a_film_beside_it_is_named_and_refused(tmp_path, preview, film):
    touch(tmp_path, f"with/{preview}", f"with/{film}", f"alone/{preview}")
    found = {r.uri.removeprefix(tmp_path.as_uri()): r.refused for r in scan_folder(tmp_path)}
    assert found == {
        f"/with/{preview}": RejectReason.PREVIEW,
        f"/with/{film}": None,
        f"/alone/{preview}": None,
    }


def test_a_pattern_takes_the_names_it_fits_and_no_others(tmp_path):
    touch(tmp_path, "GX1.MP4", "a.mp4", "GX2", "notes.txt", "sub/GX3.LRV")
    assert [r.title for r in scan_folder(tmp_path, "GX*")] == ["GX1.MP4", "GX2", "GX3.LRV"]
    assert [r.title for r in scan_folder(tmp_path, "*.txt")] == ["notes.txt"]
    assert list(scan_folder(tmp_path, "*.avi")) == []


def test_a_pipe_without_a_suffix_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert titles(tmp_path) == []
