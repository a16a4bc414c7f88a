"""Objects in a folder: each appears whole or not at all, and a final one is never overwritten.

`FolderStore` is the `storage.objects.stores.Store` of a local folder. A writer fills a file below
`tmp/` in the same folder, hence on the same file system, syncs it to disk and links it to its
final name. A link fails when the name exists, so that of two writers exactly one wins, and a
crash leaves nothing but a file below `tmp/`. Where the file system has no links, writers take
turns by a lock and rename: the same promise, as long as every writer comes through here.

Keys come from catalogs, manifests and rows that somebody else may have made. So a path is made of
a key in one place, and none leads out of the folder: not by `..`, not by beginning at the root, and
not by a symbolic link, unless the operator has said that links are his own.

Cost: two syncs to disk per object, 2 to 8 ms; the bytes are written once, or twice where the
source lies on another file system; 4 us for each part of a key, to see that it is no link.
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from tinyvideo.storage.storage_errors import BusyError, GoneError, StorageError, too_short

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_TEMPORARY = re.compile(r"[0-9a-f]{32}(\..*)?")


class FolderStore:
    """Objects below one folder; a key is a relative path with forward slashes."""

    def __init__(self, root: Path, *, links: bool = False) -> None:
        self.root = root
        self.links = links

    @property
    def address(self) -> str:
        """Name the folder, as `--out` takes it."""
        return str(self.root)

    def name(self, key: str) -> str:
        """Name an object in full, for messages."""
        return str(self.path(key))

    def path(self, key: str) -> Path:
        """Name the file of an object, whether it exists or not.

        Raises:
            StorageError: it would lie outside the folder.
        """
        parts = key.split("/")
        if key.startswith("/") or ".." in parts or "\0" in key or not _is_text(key):
            raise StorageError(
                f"{key[:200]!r} is no name of an object in {self.root}: it leads out of the "
                "folder; whoever made this catalog, manifest or shard meant harm, or it is damaged"
            )
        path = self.root / key
        if not self.links:
            self._stay_inside(parts)
        return path

    def _stay_inside(self, parts: Sequence[str]) -> None:
        part = str(self.root)
        for name in parts:
            part = f"{part}/{name}"
            if not os.path.islink(part):  # noqa: PTH114  a third of the time of Path, for each key
                continue
            if not Path(os.path.realpath(part)).is_relative_to(os.path.realpath(self.root)):
                raise StorageError(
                    f"{part} is a link that leads out of {self.root}; if you have made it, set "
                    "TINYVIDEO_FOLLOW_LINKS=true"
                )

    def probe(self) -> None:
        """Write, read and delete a small object.

        Raises:
            StorageError: the folder cannot be made or written.
        """
        for tries_left in (2, 1, 0):
            with self._explained("write to"), self.temporary() as path:
                try:
                    _write_and_read(path)
                    return
                except FileNotFoundError:  # a run that has just begun has cleared `tmp/`
                    if not tries_left:
                        raise

    @contextmanager
    def temporary(self, suffix: str = "") -> Iterator[Path]:
        """Yield a fresh file name below `tmp/`; whatever is left of it is deleted at the end.

        Raises:
            StorageError: the folder cannot be made.
        """
        folder = self.path("tmp")
        with self._explained("write to"):
            folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{uuid.uuid4().hex}{suffix}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def put_if_absent(self, key: str, source: Path) -> bool:
        """Give the file `source` the name `key`; False if the name is taken.

        A file from `temporary` is not copied, and may be gone from there afterwards.

        Raises:
            StorageError: the folder cannot be written.
        """
        target = self.path(key)
        with self._explained(f"put {key} into"):
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.stat().st_dev != target.parent.stat().st_dev:
                return self._copy_if_absent(source, target)
            return self._name_if_absent(source, target)

    def replace(self, key: str, content: bytes) -> None:
        """Write a small object over an older one, whole or not at all.

        Raises:
            StorageError: the folder cannot be written.
        """
        target = self.path(key)
        with self._explained(f"put {key} into"), self.temporary() as path:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            sync(path)
            path.replace(target)
            sync(target.parent)

    def exists(self, key: str) -> bool:
        """Tell whether there is an object of that name."""
        return self.path(key).is_file()

    def size(self, key: str) -> int:
        """Measure an object, in bytes.

        Raises:
            StorageError: it is gone.
        """
        with self._found(key):
            return self.path(key).stat().st_size

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Read `length` bytes from `start` on, or all that follow it.

        Raises:
            StorageError: the object is gone, cannot be read, or ends before that.
        """
        with self._found(key), self.path(key).open("rb") as file:
            file.seek(start)
            content = file.read(-1 if length is None else length)
        if length is not None and len(content) < length:
            raise too_short(self.name(key), start, len(content), length)
        return content

    def fill(self, key: str, start: int, memory: memoryview) -> None:
        """Read the bytes from `start` on into `memory`, all of it.

        Raises:
            StorageError: the object is gone, cannot be read, or ends before that.
        """
        found = 0
        with self._found(key), self.path(key).open("rb", buffering=0) as file:
            file.seek(start)
            while found < len(memory) and (count := file.readinto(memory[found:])):
                found += count
        if found < len(memory):
            raise too_short(self.name(key), start, found, len(memory))

    def open(self, key: str) -> BinaryIO:
        """Open an object to be read from anywhere.

        Raises:
            StorageError: it is gone, or cannot be read.
        """
        with self._found(key):
            return self.path(key).open("rb")

    def sha256(self, key: str) -> str:
        """Hash an object as it is read back, as hexadecimal digits.

        Raises:
            StorageError: it is gone, or cannot be read.
        """
        with self._found(key):
            return sha256_of(self.path(key))

    def delete(self, key: str) -> None:
        """Delete an object, if there is one.

        Raises:
            StorageError: the folder cannot be written.
        """
        path = self.path(key)
        with self._explained(f"delete {key} from"), suppress(FileNotFoundError):
            path.unlink()
            sync(path.parent)

    def abort_stale(self, older_than_s: float = 0) -> int:
        """Do nothing: what killed writers leave in a folder, `clear_temporary` deletes."""
        return 0

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all objects below the folder `prefix`, sorted."""
        for path in sorted(self.path(prefix).rglob("*")):
            if path.is_file():
                yield path.relative_to(self.root).as_posix()

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the keys of `list`, each with the size of its object in bytes."""
        for key in self.list(prefix):
            with suppress(FileNotFoundError):  # deleted meanwhile
                yield key, self.path(key).stat().st_size

    @contextmanager
    def locked(self, *, shared: bool = False) -> Iterator[None]:
        """Hold the folder alone, or beside others who share it, until the process ends at most.

        Raises:
            BusyError: another process holds it.
            StorageError: it cannot be written.
        """
        with self._explained("lock"):
            self.root.mkdir(parents=True, exist_ok=True)
            file = (self.root / ".lock").open("w")
        with file:
            with self._explained("lock"):
                self._lock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield

    def clear_temporary(self) -> None:
        """Delete what crashed writers left below `tmp/`; call it only while nobody writes."""
        for path in self.path("tmp").glob("*"):
            if _TEMPORARY.fullmatch(path.name):  # the folder may be one that a user works in
                path.unlink(missing_ok=True)

    def remove_temporary(self) -> None:
        """Clear `tmp/` and remove it, unless somebody else keeps files there."""
        self.clear_temporary()
        with suppress(OSError):
            (self.root / "tmp").rmdir()

    def _lock(self, file: TextIO, how: int) -> None:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"another run works in {self.root}; wait for it, or choose another --out"
            ) from error

    def _copy_if_absent(self, source: Path, target: Path) -> bool:
        with self.temporary() as copy:
            shutil.copyfile(source, copy)
            return self._name_if_absent(copy, target)

    def _name_if_absent(self, source: Path, target: Path) -> bool:
        sync(source)
        won = self._link_if_absent(source, target)
        sync(target.parent)
        return won

    def _link_if_absent(self, source: Path, target: Path) -> bool:
        try:
            os.link(source, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return self._rename_if_absent(source, target)
        return True

    def _rename_if_absent(self, source: Path, target: Path) -> bool:
        # Claiming the name with an empty file instead would show that file to readers, and
        # leave it there for ever if the process died before the rename.
        with (self.root / ".naming").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if os.path.lexists(target):
                return False
            source.rename(target)
        return True

    @contextmanager
    def _found(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise GoneError(
                f"{self.name(key)} is gone; put it back, or make it anew in another folder"
            ) from error
        except OSError as error:
            raise StorageError(
                f"cannot read {self.name(key)}: {error.strerror or error}; mend its permissions"
            ) from error

    @contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"cannot {action} {self.root}: {error.strerror or error}; "
                "make room or mend its permissions, or choose another folder with --out"
            ) from error


def _is_text(key: str) -> bool:
    try:
        os.fsencode(key)
    except UnicodeEncodeError:  # half of a character, which JSON can hold
        return False
    return True


def _write_and_read(path: Path) -> None:
    path.write_bytes(b"tinyvideo")
    sync(path)  # some file systems tell only now that they are full
    if path.read_bytes() != b"tinyvideo":
        raise StorageError(f"{path.parent} does not return what was written to it")


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """Hash a file, as hexadecimal digits; 1 GB takes about a second."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
