"""Objects on S3: the same promises as a folder, over a network that fails.

Any S3-compatible server with conditional writes will do; boto3 takes keys, region and endpoint from
the standard AWS variables and files. Requests that fail for a passing reason are made again,
every wait has a limit, and what goes wrong in the end is one sentence.

    s3_put     a name that nobody has, in parts when large; who won when an answer is lost
    s3_get     a stream that goes on where the connection broke
    s3_errors  error codes -> sentences
    ranges     an object as a file, in few large ranges

Cost, SeaweedFS on the same two busy cores: 0.1 to 0.4 s to connect; 3 to 10 ms to put 1 kB, 1.5 ms
to read it; 50 MB/s up, 270 MB/s down; a range of 15 MB 35 ms. Memory: four parts of 16 MiB.
"""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyvideo.storage.objects.ranges import RangeFile
from tinyvideo.storage.objects.s3_errors import is_beyond_end, is_missing, sentence_of
from tinyvideo.storage.objects.s3_get import fill, reread, stream
from tinyvideo.storage.objects.s3_put import abort_uploads, put_bytes, put_file, with_hash
from tinyvideo.storage.objects.store_address import bucket_of
from tinyvideo.storage.storage_errors import StorageError, too_short

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Config:
    attempts: int = 8
    """Times that a request is made before it has failed. Ours: a minute of backing off."""

    connect_limit_s: float = 10
    """Seconds until a server that does not answer is given up."""

    read_limit_s: float = 30
    """Seconds without a single byte after which a request has failed."""

    part_bytes: int = 16 * 2**20
    """Size of a part; larger files go up in parts. S3 takes at least 5 MiB."""

    parallel_parts: int = 4
    """Parts on their way at once, each held in memory."""

    ahead_bytes: int = 2**20
    """Least that a file is read by. Ours: the small columns of a row group."""

    def __post_init__(self) -> None:
        if min(self.attempts, self.parallel_parts, self.ahead_bytes) < 1:
            raise ValueError(f"attempts, parts and bytes must be at least 1, got {self}")
        if self.part_bytes < 5 * 2**20:
            raise ValueError(f"part_bytes must be at least 5 MiB, got {self.part_bytes}")


class S3Store:
    """Objects below a prefix of one bucket."""

    def __init__(self, bucket: str, prefix: str = "", config: S3Config | None = None) -> None:
        self.bucket, self.prefix = bucket, prefix.strip("/")
        self.config = config or S3Config()
        self._clients: dict[int, Any] = {}

    @classmethod
    def at(cls, address: str, config: S3Config | None = None) -> "S3Store":
        """Name the store at "s3://bucket/prefix".

        Raises:
            StorageError: it is no such address.
        """
        return cls(*bucket_of(address), config)

    def __reduce__(self) -> tuple[Any, ...]:
        return S3Store, (self.bucket, self.prefix, self.config)  # a client cannot be sent

    @property
    def address(self) -> str:
        """Name the store, as `--out` takes it."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def name(self, key: str) -> str:
        """Name an object in full, for messages."""
        return f"{self.address}/{key}"

    def probe(self) -> None:
        """Write, read and delete a small object, and see that a taken name stays taken.

        Raises:
            StorageError: the server, the bucket, the keys or their rights will not do.
        """
        target, content = self._target(f"tmp/probe-{uuid.uuid4().hex}"), b"tinyvideo"
        with self._explained("write to", self.address):
            try:
                won = [self._put_bytes(target, content) for _ in range(2)]
                read = b"".join(self._stream(target, 0, None))
            finally:
                with suppress(ClientError, BotoCoreError):  # what went wrong before is what counts
                    self._client.delete_object(**target)
        if read != content:
            raise StorageError(f"{self.address} does not return what was written to it")
        if won != [True, False]:
            raise StorageError(
                f"{self.address} ignores If-None-Match, so that two runs could overwrite each "
                "other's shards; take a server that has conditional writes"
            )

    def put_if_absent(self, key: str, source: Path) -> bool:
        """Put a file under a name that nobody has; False if it is taken.

        Raises:
            StorageError: it cannot be put.
        """
        target = self._target(key)
        with self._explained("put", self.name(key)):
            if source.stat().st_size <= self.config.part_bytes:
                return self._put_bytes(target, source.read_bytes())
            return put_file(
                self._client,
                target,
                source,
                part_bytes=self.config.part_bytes,
                parallel=self.config.parallel_parts,
                attempts=self.config.attempts,
            )

    def replace(self, key: str, content: bytes) -> None:
        """Write a small object over an older one, whole or not at all.

        Raises:
            StorageError: it cannot be put.
        """
        with self._explained("put", self.name(key)):
            self._client.put_object(**self._target(key), **with_hash(content))

    def exists(self, key: str) -> bool:
        """Tell whether there is an object of that name.

        Raises:
            StorageError: the server does not say.
        """
        with self._explained("look for", self.name(key)):
            try:
                self._client.head_object(**self._target(key))
            except ClientError as error:
                if is_missing(error):
                    return False
                raise
            return True

    def size(self, key: str) -> int:
        """Measure an object, in bytes.

        Raises:
            StorageError: it is gone, or the server does not say.
        """
        with self._explained("read", self.name(key)):
            return int(self._client.head_object(**self._target(key))["ContentLength"])

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Read `length` bytes from `start` on, or all that follow it.

        Raises:
            StorageError: the object is gone, ends before that, or cannot be read.
        """
        with self._explained("read", self.name(key)):
            content = self._read(key, start, length)
        if length is not None and len(content) < length:
            raise too_short(self.name(key), start, len(content), length)
        return content

    def fill(self, key: str, start: int, memory: memoryview) -> None:
        """Read the bytes from `start` on into `memory`, all of it.

        Raises:
            StorageError: the object is gone, ends before that, or cannot be read.
        """
        with self._explained("read", self.name(key)):
            found = self._fill(self._target(key), start, memory)
        if found < len(memory):
            raise too_short(self.name(key), start, found, len(memory))

    def open(self, key: str) -> BinaryIO:
        """Open an object to be read from anywhere, in few large ranges.

        Raises:
            StorageError: it is gone, or cannot be read.
        """
        file = RangeFile(
            lambda start, length: self.read(key, start, length),
            self.size(key),
            self.config.ahead_bytes,
        )
        return cast(BinaryIO, file)

    def sha256(self, key: str) -> str:
        """Hash an object as it is read back, as hexadecimal digits.

        Raises:
            StorageError: it is gone, or cannot be read.
        """

        def digest() -> str:
            hashed = hashlib.sha256()
            for chunk in self._stream(self._target(key), 0, None):
                hashed.update(chunk)
            return hashed.hexdigest()

        with self._explained("read", self.name(key)):
            return reread(digest, self.config.attempts)

    def delete(self, key: str) -> None:
        """Delete an object, if there is one; a versioned bucket keeps its old versions.

        Raises:
            StorageError: the server refuses.
        """
        with self._explained("delete", self.name(key)):
            self._client.delete_object(**self._target(key))

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all objects below the folder `prefix`, sorted.

        Raises:
            StorageError: the server refuses.
        """
        for key, _ in self.sizes(prefix):
            yield key

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the keys of `list`, each with the size of its object in bytes.

        Raises:
            StorageError: the server refuses.
        """
        root = f"{self.prefix}/" if self.prefix else ""
        folder = f"{root}{prefix.strip('/')}/" if prefix.strip("/.") else root
        pages = self._client.get_paginator("list_objects_v2")
        with self._explained("list", self.name(prefix)):
            for page in pages.paginate(Bucket=self.bucket, Prefix=folder):
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(root), int(entry["Size"])

    def abort_stale(self, older_than_s: float = 86_400) -> int:
        """End uploads that killed writers began; return how many.

        Raises:
            StorageError: the server refuses.
        """
        prefix = f"{self.prefix}/" if self.prefix else ""
        with self._explained("list uploads below", self.address):
            return abort_uploads(self._client, self.bucket, prefix, older_than_s)

    @property
    def _client(self) -> Any:
        # Connections must not be shared with a child that was forked.
        process = os.getpid()
        if process not in self._clients:
            self._clients = {process: _connect(self.config)}
        return self._clients[process]

    def _target(self, key: str) -> dict[str, str]:
        try:
            key.encode()
        except UnicodeEncodeError:  # half of a character, which JSON can hold
            raise StorageError(
                f"{key[:200]!r} is no name of an object in {self.address}; whoever made this "
                "catalog, manifest or shard meant harm, or it is damaged"
            ) from None
        return {"Bucket": self.bucket, "Key": f"{self.prefix}/{key}".lstrip("/")}

    def _put_bytes(self, target: Mapping[str, str], content: bytes) -> bool:
        return put_bytes(self._client, target, content, attempts=self.config.attempts)

    def _read(self, key: str, start: int, length: int | None) -> bytes:
        target = self._target(key)
        return self._reread(lambda: b"".join(self._stream(target, start, length)), b"")

    def _fill(self, target: Mapping[str, str], start: int, memory: memoryview) -> int:
        attempts = self.config.attempts
        return self._reread(lambda: fill(self._client, target, start, memory, attempts), 0)

    def _reread(self, read: Callable[[], T], beyond_end: T) -> T:
        try:
            return reread(read, self.config.attempts)
        except ClientError as error:
            if is_beyond_end(error):
                return beyond_end
            raise

    def _stream(self, target: Mapping[str, str], start: int, length: int | None) -> Iterator[bytes]:
        return stream(self._client, target, start, length, self.config.attempts)

    @contextmanager
    def _explained(self, action: str, name: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            raise sentence_of(error, action, name) from error


def _connect(config: S3Config) -> Any:
    settings = Config(
        connect_timeout=config.connect_limit_s,
        read_timeout=config.read_limit_s,
        retries={"mode": "standard", "total_max_attempts": config.attempts},
        max_pool_connections=2 * config.parallel_parts,
    )
    # The session that boto3 shares between threads is not made for it.
    return boto3.session.Session().client("s3", config=settings)
