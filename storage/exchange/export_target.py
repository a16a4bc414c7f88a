"""Where an export goes: an empty folder, or an empty prefix of S3; each file appears whole.

Cost: that of the store; what goes to S3 is written to a temporary file of this disk first.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinyvideo.storage.objects import FolderStore, Store
from tinyvideo.storage.storage_errors import StorageError


@contextmanager
def empty_target(store: Store) -> Iterator[None]:
    """See that nothing is there, and leave nothing besides what was exported.

    Raises:
        StorageError: something is there, or it cannot be read or written.
    """
    if isinstance(store, FolderStore):
        with _explained(store.root):
            store.root.mkdir(parents=True, exist_ok=True)
            taken = any(store.root.iterdir())
    else:
        store.probe()
        taken = next(store.list(""), None) is not None
    if taken:
        raise StorageError(
            f"{store.address} is not empty; choose another folder or prefix with --to"
        )
    try:
        yield
    finally:
        if isinstance(store, FolderStore):
            with suppress(OSError):
                store.path("tmp").rmdir()


@contextmanager
def new_file(store: Store, key: str) -> Iterator[Path]:
    """Yield the path of a file to write, which then appears under `key`.

    Raises:
        StorageError: it cannot be written, or somebody has put one of that name meanwhile.
    """
    suffix = Path(key).suffix
    if isinstance(store, FolderStore):
        with _explained(store.root), store.temporary(suffix) as path:
            yield path
            _put(store, key, path)
        return
    here = tempfile.TemporaryDirectory(prefix="tinyvideo-")
    with _explained(Path(tempfile.gettempdir())), here as folder:
        path = Path(folder) / f"file{suffix}"
        yield path
        _put(store, key, path)


def _put(store: Store, key: str, path: Path) -> None:
    if not store.put_if_absent(key, path):
        raise StorageError(f"{store.name(key)} has been put there meanwhile; choose another --to")


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot export to {folder}: {error.strerror or error}; make room or mend its "
            "permissions, or choose another folder with --to"
        ) from error
