"""`shards`, `dataset`, `import`, `export`: strips, for people and programs.

dataset_group  The commands `tinyvideo dataset build|ls|show|verify`
import_export  The commands `tinyvideo import` and `tinyvideo export`: other people's formats,
               in and out
rerender_command  `tinyvideo rerender`: a dataset at another size, from films that are kept
shards_group   The commands `tinyvideo shards ls|verify|show|repair|upgrade`, and `tinyvideo schema`
"""

from tinyvideo.flows.commands.packaging.dataset_group import dataset_app
from tinyvideo.flows.commands.packaging.import_export import export, import_released
from tinyvideo.flows.commands.packaging.rerender_command import rerender
from tinyvideo.flows.commands.packaging.shards_group import schema, shards_app

__all__ = [
    "dataset_app",
    "export",
    "import_released",
    "rerender",
    "schema",
    "shards_app",
]
