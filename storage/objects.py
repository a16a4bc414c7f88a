"""Objects in a folder: each appears whole or not at all, and a final one is never overwritten.

A writer fills a file below `tmp/` in the same folder, hence on the same file system, syncs it
to disk and links it to its final name. A link fails when the name exists, so that of
two writers exactly one wins, and a crash leaves nothing but a file below `tmp/`.

Cost: one sync to disk per object, a few milliseconds; the bytes are written once.
"""

import errno
import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import ExpectedError


class StorageError(ExpectedError):
    """The storage cannot be used; the text names the object and the way out."""


class FolderStore:
    """Objects below one folder; a key is a relative path with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Name the file of an object, whether it exists or not."""
        return self.root / key

    def probe(self) -> None:
        """Write, read and delete a small object.

        Raises:
            StorageError: the folder cannot be made or written.
        """
        try:
            with self.temporary() as path:
                path.write_bytes(b"tinyvideo")
                if path.read_bytes() != b"tinyvideo":
                    raise StorageError(f"{self.root} does not return what was written to it")
        except OSError as error:
            raise StorageError(
                f"cannot write to {self.root}: {error.strerror}; choose another folder with --out"
            ) from error

    @contextmanager
    def temporary(self, suffix: str = "") -> Iterator[Path]:
        """Yield a fresh file name below `tmp/`; whatever is left of it is deleted at the end."""
        folder = self.root / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{uuid.uuid4().hex}{suffix}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def put_if_absent(self, key: str, source: Path) -> bool:
        """Give `source`, a file from `temporary`, its final name; False if the name is taken."""
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        sync(source)
        try:
            os.link(source, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                raise
            return self._move_if_absent(source, target)  # a file system without links
        sync(target.parent)
        return True

    def _move_if_absent(self, source: Path, target: Path) -> bool:
        try:
            target.open("xb").close()  # claims the name; the rename then puts the whole file there
        except FileExistsError:
            return False
        source.replace(target)
        sync(target.parent)
        return True

    def replace(self, key: str, content: bytes) -> None:
        """Write a small object over an older one, whole or not at all."""
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.temporary() as path:
            path.write_bytes(content)
            sync(path)
            path.replace(target)
        sync(target.parent)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all objects below the folder `prefix`, sorted."""
        for path in sorted((self.root / prefix).rglob("*")):
            if path.is_file():
                yield path.relative_to(self.root).as_posix()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone; the operating system frees it when the process ends, however.

        Raises:
            StorageError: another process holds it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StorageError(
                    f"another run works in {self.root}; wait for it, or choose another --out"
                ) from error
            yield

    def clear_temporary(self) -> None:
        """Delete what crashed writers left below `tmp/`; call it only while nobody writes."""
        for path in (self.root / "tmp").glob("*"):
            path.unlink(missing_ok=True)


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
