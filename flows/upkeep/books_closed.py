"""What every command does that has changed shards: the card is written, the catalog backed up.

A catalog in SQLite of an output on S3 lies on one machine only, so it is copied to the store.
TINYVIDEO_BACKUP=false leaves that out: it names folders of this machine, and a bucket may be
public.

Cost: a query for the card; that of `storage.rebuild.catalog_backup`.
"""

from typing import TYPE_CHECKING

from tinyvideo.flows.settings import read_settings

if TYPE_CHECKING:
    from tinyvideo.storage.outputs import Output


def close_books(output: "Output", *, taken_down: bool = False) -> None:
    """Bring what others read of an output in line with its shards.

    Where something was `taken_down`, no older backup stays, which would name it.

    Raises:
        StorageError: the store or the catalog cannot be used.
    """
    from tinyvideo.storage.exchange import write_output_card  # noqa: PLC0415

    write_output_card(output)
    keep_backup(output, kept=1 if taken_down else 2)


def keep_backup(output: "Output", *, kept: int = 2) -> None:
    """Copy the catalog to the store, where it lies on this machine only.

    Raises:
        StorageError: the store cannot be written, or the catalog is damaged.
    """
    from tinyvideo.storage.objects import is_remote  # noqa: PLC0415
    from tinyvideo.storage.rebuild import back_up_catalog  # noqa: PLC0415

    local = output.catalog.engine.dialect.name == "sqlite"
    if local and is_remote(output.store.address) and read_settings().backup:
        back_up_catalog(output, kept=kept)
