"""A catalog out of shards: where it is lost, or where another one takes an output over.

START at catalog_rebuild.

catalog_backup   A copy of the catalog beside the shards
catalog_rebuild  A catalog out of shards: where it is lost, or where another one takes the output
                 over
enter_shard      A shard that lies in the store -> rows of the catalog, in one transaction
even_shards      Books that do not balance after all shards were entered -> books that do
logged_blocks    The log of blocks and takedowns, and the audit lines -> the tables of a catalog
shard_contents   What a shard says of itself and of its videos: all that a catalog can learn from
                 it
"""

from tinyvideo.storage.rebuild.catalog_backup import back_up_catalog, list_backups
from tinyvideo.storage.rebuild.catalog_rebuild import Rebuilt, adopt_output, rebuild_catalog

__all__ = [
    "Rebuilt",
    "adopt_output",
    "back_up_catalog",
    "list_backups",
    "rebuild_catalog",
]
