"""Errors of loading, training and generating.

* ModelError
  x DataError         a clip of the dataset cannot be used; names its strip
  x TrainingError     training cannot start or go on; says what to change
    x DivergedError   numbers became infinite, or not numbers
    x CollapsedError  the networks no longer learn from each other
  x CheckpointError   a checkpoint cannot be read or written; names the file

Each text is one sentence for the user. Anything else that escapes is a bug, or a `StorageError`.
"""

from tinyvideo.pipeline.errors import ExpectedError


class ModelError(ExpectedError):
    """Base class of every error that these modules raise on purpose."""


class DataError(ModelError):
    """A clip of the dataset cannot be used; the text names its strip."""


class TrainingError(ModelError):
    """Training cannot start or go on; the text says why and what to change."""


class DivergedError(TrainingError):
    """Numbers became infinite, or not numbers; the text says which, and at what step."""


class CollapsedError(TrainingError):
    """The networks no longer learn from each other; the text says how that shows."""


class CheckpointError(ModelError):
    """A file is no usable checkpoint, or cannot be written; the text names it."""
