"""The three parts of an output: what became of the videos, the objects, and a folder to work in.

Cost: data only.
"""

from dataclasses import dataclass

from tinyvideo.storage.catalog import Catalog
from tinyvideo.storage.objects import FolderStore, Store


@dataclass(frozen=True, slots=True)
class Output:
    catalog: Catalog
    store: Store
    """Shards and datasets."""

    work: FolderStore
    """Local: parts and temporary files. That of a folder output is the output itself."""
