"""Where the output of a command is: what --out says, or else the settings.

Cost: reads the environment.
"""

from pathlib import Path

from tinyvideo.flows.settings import SettingsError, read_settings
from tinyvideo.storage.outputs import OutputAddress


def output_at(out: str | Path, catalog: str = "") -> OutputAddress:
    """Name the output at `out`, or at TINYVIDEO_STORAGE if it is empty.

    `catalog` is where its catalog is, if not where TINYVIDEO_CATALOG says.

    Raises:
        SettingsError: neither says where, or a setting cannot be used.
        StorageError: what they say can be no address.
    """
    settings = read_settings()
    if not (str(out) or settings.storage):
        raise SettingsError(
            "say where: --out DIR or s3://BUCKET/PREFIX, or TINYVIDEO_STORAGE; a run on a pool is "
            "told by its parameter out"
        )
    return OutputAddress.at(
        str(out) or settings.storage,
        settings.work,
        catalog or settings.catalog,
        links=settings.follow_links,
    )
