"""An address that somebody has typed -> a folder, or a bucket and a prefix: the one place for it.

    /data/out, out, ~/out, file:///data/out     a folder
    s3://BUCKET/PREFIX                          a bucket

Everything else that looks like an address is refused, and never made a folder of: `s3:/b/x`, which
pathlib makes of `s3://b/x`, would be a folder `s3:` in which nobody looks for his strips. A folder
that is really called so is named by its absolute path, or with `./` before it.

Cost: no look at a disk or a server; 3 us.
"""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from tinyvideo.storage.storage_errors import StorageError

TAKEN = "give a folder or s3://BUCKET/PREFIX"
"""What an output takes, for messages."""

_ADDRESS = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*):/")
_WITHOUT_SLASH = re.compile(r"\s*(s3[an]?|gs|gcs|file|https?|hf|abfss?|az):", re.IGNORECASE)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")  # no address of another kind (arn:...)


class Bucket(NamedTuple):
    """A place on S3."""

    name: str
    prefix: str
    """Keys begin with it, without slashes around it; may be empty."""


def is_remote(address: str) -> bool:
    """Tell an `s3://` address from a folder."""
    return address.startswith("s3://")


def has_scheme(address: str | Path) -> bool:
    """Tell what looks like an address, of whatever kind, from a folder."""
    text = str(address)
    return bool(_ADDRESS.match(text) or _WITHOUT_SLASH.match(text))


def parse_address(address: str | Path) -> Path | Bucket:
    """Read the address of a store, as an absolute folder, or as a bucket.

    Raises:
        StorageError: it is neither; with what is taken.
    """
    text = str(address)
    if not text.strip() or "\0" in text:
        raise StorageError(f"{text!r} is no place for output; {TAKEN}")
    if not has_scheme(text):
        return _folder(address)
    if isinstance(address, str) and text.startswith("file://"):
        return _folder_of_file_url(text)
    if isinstance(address, Path):
        raise StorageError(
            f"{text} is an address, not a folder of this disk; {TAKEN} as text, or the absolute "
            "path of a folder that is really called so"
        )
    return bucket_of(text)


def bucket_of(address: str) -> Bucket:
    """Read s3://BUCKET/PREFIX.

    Raises:
        StorageError: it is of another form; with the nearest that would do.
    """
    if not address.startswith("s3://"):
        likely = re.sub(r"^\s*s3[an]?:/*", "s3://", address, flags=re.IGNORECASE)
        nearest = f"; did you mean {likely}?" if likely != address else ""
        raise StorageError(f"{address} is no place for output; {TAKEN}{nearest}")
    name, _, prefix = address.removeprefix("s3://").partition("/")
    if not name:
        raise StorageError(f"{address} names no bucket; give s3://BUCKET/PREFIX")
    if not _BUCKET.fullmatch(name):
        raise StorageError(
            f"{address} names no bucket that there can be: {name!r} is not made of letters, "
            "digits, '.', '_' and '-'; give s3://BUCKET/PREFIX, and keys and server by AWS_... "
            "variables"
        )
    prefix = prefix.strip("/")
    if {"", ".", ".."} & set(prefix.split("/")) and prefix:
        raise StorageError(f"{address} has an empty part, '.' or '..' in its prefix; leave it out")
    return Bucket(name, prefix)


def _folder_of_file_url(address: str) -> Path:
    host, slash, path = address.removeprefix("file://").partition("/")
    if host not in {"", "localhost"} or not slash:
        raise StorageError(
            f"{address} names the machine {host!r}, not a folder; give file:///FOLDER, with three "
            "slashes, or the folder itself"
        )
    return _folder(Path("/" + unquote(path)))


def _folder(path: str | Path) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:  # ~nobody
        raise StorageError(f"{path} is no place for output: {error}; {TAKEN}") from error
