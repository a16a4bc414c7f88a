"""Objects are whole or absent, whatever dies and whoever else writes."""

import errno
import fcntl
import os
import stat
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.servers.children import (
    OBJECT_BYTES,
    child,
    hold_folder,
    put_objects,
    race,
    refuse_to_link,
)
from tests.servers.full_disk import room_for
from tinyvideo.storage.objects.folder import FolderStore, sha256_of
from tinyvideo.storage.storage_errors import StorageError

Nobody = tuple[Path, Callable[[], AbstractContextManager[None]]]


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "out")


def put(store: FolderStore, key: str, content: str) -> bool:
    with store.temporary() as path:
        path.write_text(content)
        return store.put_if_absent(key, path)


def files(store: FolderStore) -> list[str]:
    return sorted(store.list("."))


# -- keys ------------------------------------------------------------------------------------

OUTSIDE = ["../victim", "a/../../victim", "/etc/passwd", "a\0b", "..", "a\ud800"]
WAYS: dict[str, Callable[[FolderStore, str], object]] = {
    "delete": lambda store, key: store.delete(key),
    "replace": lambda store, key: store.replace(key, b"x"),
    "put": lambda store, key: put(store, key, "x"),
    "read": lambda store, key: store.read(key),
    "open": lambda store, key: store.open(key),
    "sha256": lambda store, key: store.sha256(key),
    "exists": lambda store, key: store.exists(key),
    "list": lambda store, key: list(store.list(key)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", OUTSIDE)
def test_no_key_leads_out_of_the_folder(store, way, key, tmp_path):
    (tmp_path / "victim").write_text("mine")

    with pytest.raises(StorageError, match="leads out of the folder"):
        WAYS[way](store, key)

    assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.parametrize("way", WAYS)
def test_no_link_leads_out_of_the_folder_but_by_the_operators_word(store, way, tmp_path):
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "thesis").write_text("mine")
    store.root.mkdir()
    (store.root / "shards").symlink_to(tmp_path / "victim")

    with pytest.raises(StorageError, match=r"link that leads out .* TINYVIDEO_FOLLOW_LINKS=true"):
        WAYS[way](store, "shards/thesis")

    assert (tmp_path / "victim" / "thesis").read_text() == "mine"
    assert FolderStore(store.root, links=True).read("shards/thesis") == b"mine"


def test_a_folder_that_is_a_link_and_links_within_it_are_as_good_as_any(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    store = FolderStore(tmp_path / "out")
    put(store, "shards/a", "x")
    (tmp_path / "disk" / "other").symlink_to(tmp_path / "disk" / "shards")

    assert store.read("other/a") == b"x"


# -- put -------------------------------------------------------------------------------------


@pytest.mark.parametrize("links", ["with links", "without links"])
def test_the_first_object_of_a_name_stays(store, links, monkeypatch):
    if links == "without links":
        monkeypatch.setattr(os, "link", refuse_to_link)

    assert put(store, "shards/a", "first")
    assert not put(store, "shards/a", "second")

    assert store.path("shards/a").read_text() == "first"
    assert not list(store.list("tmp"))


@pytest.mark.parametrize(
    ("writers", "links"), [(2, "with links"), (8, "with links"), (8, "without links")]
)
def test_of_racing_processes_exactly_one_wins_each_name(tmp_path, writers, links):
    letters, keys = "abcdefgh"[:writers], 10

    def only_whole_objects_are_seen() -> None:
        for path in (tmp_path / "final").glob("*"):
            assert path.stat().st_size == OBJECT_BYTES

    won = race(
        put_objects,
        [(tmp_path, letter, keys, links) for letter in letters],
        watch=only_whole_objects_are_seen,
    )

    assert Counter(key for printed in won for key in printed) == {
        f"final/{number}": 1 for number in range(keys)
    }
    for letter, printed in zip(letters, won, strict=True):
        for key in printed:
            assert (tmp_path / key).read_text() == letter * OBJECT_BYTES


@pytest.mark.parametrize("name", ["link", "rename", "replace"])
def test_killed_while_naming_leaves_no_object(store, name, monkeypatch):
    def die(*_: object) -> None:
        raise Killed

    if name != "link":
        monkeypatch.setattr(os, "link", refuse_to_link)
    monkeypatch.setattr(os, name, die)
    try:
        put(store, "shards/a", "content")
    except Killed:
        assert not store.path("shards/a").exists()
    else:
        assert store.path("shards/a").read_text() == "content"  # it went another way


def test_without_links_writers_take_turns(store, monkeypatch):
    tried = []

    def rename(source: Path, target: Path) -> None:
        with (store.root / ".naming").open() as turn, pytest.raises(BlockingIOError):
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tried.append(target)
        Path(source).replace(target)

    monkeypatch.setattr(os, "link", refuse_to_link)
    monkeypatch.setattr(os, "rename", rename)
    assert put(store, "shards/a", "content")
    assert tried == [store.path("shards/a")]


def test_a_link_to_nowhere_takes_a_name_too(store, monkeypatch):
    monkeypatch.setattr(os, "link", refuse_to_link)
    store.path("shards").mkdir(parents=True)
    store.path("shards/a").symlink_to("nowhere")
    assert not put(store, "shards/a", "content")


def test_an_error_that_is_not_about_links_is_told(store, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(StorageError, match=r"put shards/a into .*out: Input/output error"):
        put(store, "shards/a", "content")


# -- replace, temporary, list ----------------------------------------------------------------


def test_replace_writes_over_an_older_object(store):
    store.replace("datasets/a.json", b"a long first content")
    store.replace("datasets/a.json", b"second")
    assert store.path("datasets/a.json").read_bytes() == b"second"
    assert files(store) == ["datasets/a.json"]


def test_killed_while_replacing_keeps_the_old_object(store, monkeypatch):
    store.replace("datasets/a.json", b"old")

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(Killed):
        store.replace("datasets/a.json", b"new")
    assert store.path("datasets/a.json").read_bytes() == b"old"


def test_temporary_files_go_even_when_the_writer_fails(store):
    with pytest.raises(RuntimeError, match="midway"), store.temporary(".parquet") as path:
        path.write_text("half")
        assert path.suffix == ".parquet"
        assert path.parent == store.path("tmp")
        raise RuntimeError("midway")
    assert files(store) == []


def test_leftovers_of_killed_writers_are_cleared_and_nothing_else(store):
    with store.temporary(".parquet") as path:
        path.write_text("half")
        kept = path.with_name("holiday.mp4")  # the user works in a folder `tmp` of that name
        kept.write_text("mine")
        path.rename(path.with_name("0123456789abcdef" * 2 + ".parquet"))
        store.clear_temporary()
    assert files(store) == ["tmp/holiday.mp4"]


def test_clearing_a_folder_that_was_never_used_does_nothing(store):
    store.clear_temporary()
    assert not store.root.exists()


def test_list_is_sorted_and_leaves_folders_out(store):
    for key in ("shards/b", "shards/a/2", "shards/a/10", "work/x"):
        put(store, key, "")
    assert list(store.list("shards")) == ["shards/a/10", "shards/a/2", "shards/b"]
    assert list(store.list("nothing")) == []


def test_sha256_of_a_known_text(tmp_path):
    (tmp_path / "abc").write_text("abc")  # FIPS 180-2, appendix B.1
    assert sha256_of(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223b00361a3")


# -- lock ------------------------------------------------------------------------------------


def test_a_folder_is_held_by_one_process_until_it_is_killed(tmp_path):
    store = FolderStore(tmp_path)
    with child(hold_folder, tmp_path) as holder:
        with pytest.raises(StorageError, match=r"another run works in .*; wait for it, or choose"):
            store.locked().__enter__()
        holder.kill()
        holder.wait()
        with store.locked():
            assert (tmp_path / ".lock").exists()


def test_a_folder_can_be_locked_again_after_use(store):
    for _ in range(2):
        with store.locked():
            pass


# -- folders that cannot be used -------------------------------------------------------------


def test_probe_makes_the_folder_and_leaves_nothing_in_it(tmp_path):
    store = FolderStore(tmp_path / "new" / "folder")
    store.probe()
    assert store.root.is_dir()
    assert files(store) == []


USES = {
    "probe": lambda store: store.probe(),
    "lock": lambda store: store.locked().__enter__(),
    "temporary": lambda store: store.temporary().__enter__(),
    "replace": lambda store: store.replace("datasets/a.json", b"{}"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_folder_without_rights_is_one_sentence(nobody: Nobody, use):
    folder, without_rights = nobody
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IROTH | stat.S_IXOTH)
    with without_rights(), pytest.raises(StorageError) as caught:
        use(FolderStore(folder))
    check_sentence(caught.value, folder, "Permission denied")


def test_putting_into_a_folder_without_rights_is_one_sentence(nobody: Nobody):
    folder, without_rights = nobody
    store = FolderStore(folder)
    with store.temporary() as path:
        path.touch()
        with without_rights(), pytest.raises(StorageError) as caught:
            store.put_if_absent("shards/a", path)
    check_sentence(caught.value, folder, "Permission denied")


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("below", [".", "deeper/still"])
def test_a_folder_below_a_file_is_one_sentence(tmp_path, use, below):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / below
    with pytest.raises(StorageError) as caught:
        use(FolderStore(folder))
    check_sentence(caught.value, folder, "")


def test_a_full_disk_is_one_sentence(store):
    store.root.mkdir()
    with room_for(4), pytest.raises(StorageError) as caught:
        store.probe()
    check_sentence(caught.value, store.root, "File too large")
    assert files(store) == []


def test_a_disk_that_tells_late_that_it_is_full_is_found_out(store, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        store.probe()
    check_sentence(caught.value, store.root, "No space left on device")


def test_a_folder_that_forgets_is_found_out(store, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"")
    with pytest.raises(StorageError, match="does not return what was written to it"):
        store.probe()


def check_sentence(error: StorageError, folder: Path, cause: str) -> None:
    text = str(error)
    assert str(folder) in text
    assert cause in text
    assert "--out" in text
    assert "\n" not in text
    assert "Errno" not in text
