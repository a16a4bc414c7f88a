"""Files and folders outside a store: seen to be writable before work begins, written whole or not.

A command may work for hours before it writes its first byte. So where that goes is tried at once,
by writing into the nearest folder that is there already; what is tried leaves nothing behind.

Cost: one small file without a name, written and forgotten.
"""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

from tinyvideo.pipeline.errors import ExpectedError


class PlainFileError(ExpectedError):
    """A file or folder on this disk cannot be written."""


def check_folder(path: Path) -> None:
    """See that a folder can be made, if need be, and files in it.

    Raises:
        PlainFileError: it cannot; with the way out.
    """
    with _explained(path):
        _try_nearest(path.absolute())


def check_file(path: Path) -> None:
    """See that a file can be written, over one that is there perhaps.

    Raises:
        PlainFileError: it cannot; with the way out.
    """
    with _explained(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.exists():
            with path.open("r+b" if path.is_file() else "wb"):
                pass
        if _is_plain(path):
            _try_nearest(path.absolute().parent)


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Write a text that appears whole or not at all; a device is written as it is.

    Raises:
        PlainFileError: the disk is full, or the place cannot be written.
    """
    with _explained(path):
        target = Path(os.path.realpath(path)) if _is_plain(path) else path
        if target is path and path.exists():
            with path.open("w", encoding="utf-8") as file:
                yield file
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{uuid.uuid4().hex}.partial")
        try:
            with draft.open("w", encoding="utf-8", errors="backslashreplace") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _is_plain(path: Path) -> bool:
    return path.is_file() or not path.exists()


def _try_nearest(path: Path) -> None:
    _try(next(place for place in (path, *path.parents) if place.exists()))


def _try(folder: Path) -> None:
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{folder} is no folder")
    with TemporaryFile(dir=folder) as file:
        file.write(bytes(4096))
        file.flush()
        os.fsync(file.fileno())  # some file systems tell only now that they are full


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise PlainFileError(
            f"cannot write to {path}: {why}; make room or mend its permissions, or choose another "
            "place"
        ) from error
