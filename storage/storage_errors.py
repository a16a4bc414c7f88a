"""The errors of this package.

Cost: data only.
"""

from tinyvideo.pipeline.errors import ExpectedError


class StorageError(ExpectedError):
    """The storage cannot be used; the text names the object and the way out."""


class GoneError(StorageError):
    """There is no such object."""


class DamagedRowsError(StorageError):
    """The bytes of a row group are not those that were written; other row groups may be whole."""


class UnknownNameError(StorageError):
    """Nobody knows a video, or an owner, of this name."""


class NewerError(StorageError):
    """A newer tinyvideo has written the object; this one cannot say whether it is well."""


class BusyError(StorageError):
    """Another process holds what is wanted; it may be had later."""


def too_short(name: str, start: int, found: int, wanted: int) -> StorageError:
    """Say of an object that it ends before the bytes that were asked for, `wanted` from `start`."""
    return StorageError(f"{name} ends at byte {start + found}, {start + wanted} were asked for")
