"""Objects: where shards and manifests lie, in a folder or behind S3, and what holds for both.

    open_store("/data/out")           a folder: `storage.objects.folder`
    open_store("s3://bucket/prefix")  any S3-compatible server: `storage.objects.s3`

What is an address, `storage.objects.store_address` says, and nobody else. An object appears whole
or not at all. A key that is put only if absent has exactly one writer that wins, whoever else
writes and whatever dies. What is read is what was written, or an error that names the object.

Cost: that of the store; boto3 (0.3 s to import) is loaded for S3 only.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.objects.store_address import parse_address


class Store(Protocol):
    """Objects below one address; a key is a relative path with forward slashes.

    Every method raises `StorageError`, one sentence that names the object and the way out. A
    store can be sent to another process, and used by many threads.
    """

    @property
    def address(self) -> str:
        """Name the store, as `--out` takes it: "/data/out" or "s3://bucket/prefix"."""

    def name(self, key: str) -> str:
        """Name an object in full, for messages."""

    def probe(self) -> None:
        """Write, read and delete a small object."""

    def put_if_absent(self, key: str, source: Path) -> bool:
        """Put a file under a name that nobody has; False if it is taken. Whole or not at all."""

    def replace(self, key: str, content: bytes) -> None:
        """Write a small object over an older one, whole or not at all."""

    def exists(self, key: str) -> bool:
        """Tell whether there is an object of that name."""

    def size(self, key: str) -> int:
        """Measure an object, in bytes; `GoneError` if there is none."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Read exactly `length` bytes from `start` on, or all that follow it."""

    def fill(self, key: str, start: int, memory: memoryview) -> None:
        """Read the bytes from `start` on into `memory`, all of it: no copy, nothing allocated."""

    def open(self, key: str) -> BinaryIO:
        """Open an object to be read from anywhere; over a network, in few large ranges."""

    def sha256(self, key: str) -> str:
        """Hash an object as it is read back, as hexadecimal digits."""

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all objects below the folder `prefix`, sorted; "" means all."""

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the keys of `list`, each with the size of its object in bytes."""

    def abort_stale(self, older_than_s: float = 86_400) -> int:
        """End uploads that killed writers began; return how many. Nobody ever saw them."""


def open_store(address: str | Path, *, links: bool = False) -> Store:
    """Open the store at a folder, a `file://` or an `s3://` address; nothing is asked of it yet.

    `links` follows symbolic links that lead out of a folder.

    Raises:
        StorageError: the address cannot be one.
    """
    place = parse_address(address)
    if isinstance(place, Path):
        return FolderStore(place, links=links)
    from tinyvideo.storage.objects.s3 import S3Store  # noqa: PLC0415  boto3 is for those who need it

    return S3Store(place.name, place.prefix)
