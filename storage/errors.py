"""The errors of this package.

Cost: data only.
"""

from pipeline.errors import ExpectedError


class StorageError(ExpectedError):
    """The storage cannot be used; the text names the object and the way out."""


class GoneError(StorageError):
    """There is no such object."""


class BusyError(StorageError):
    """Another process holds what is wanted; it may be had later."""
