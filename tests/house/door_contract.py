"""A contract for import-linter: of a room, others use what its door names and nothing behind it.

A room is a package below `tinyvideo.pipeline`, `.storage`, `.models` or `.flows`; its door is its
`__init__`. A corridor is a package that only holds rooms, so its own `__init__` is no door.

Cost: none beside the graph that import-linter builds anyway.
"""

from typing import Any, cast

import grimp
from importlinter import Contract, ContractCheck, fields, output

DEPTH_OF_ROOMS = 3
"""Names in the path of a room, as in `tinyvideo.storage.shards`."""


class DoorContract(Contract):
    """Broken by each import of a module of a room from outside that room."""

    corridors = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every import of one of our modules by another."""
        corridors = set(cast(list[str], self.corridors))
        ours = [name for name in graph.modules if name.startswith("tinyvideo.")]
        broken = [
            graph.get_import_details(importer=importer, imported=imported)
            for imported in sorted(ours)
            for importer in sorted(graph.find_modules_that_directly_import(imported))
            if any(not is_in(importer, room) for room in rooms_around(imported) - corridors)
        ]
        details = [detail for details in broken for detail in details]
        return ContractCheck(kept=not details, metadata={"past doors": details})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each such import, with its line."""
        for detail in cast(list[dict[str, Any]], check.metadata["past doors"]):
            output.print_error(
                f"{detail['importer']} (l. {detail['line_number']}) reaches past a door: "
                f"{detail['line_contents'].strip()}"
            )


def rooms_around(module: str) -> set[str]:
    """Name the rooms that `module` lies in; a door lies in none but those around its room."""
    parts = module.split(".")
    return {".".join(parts[:count]) for count in range(DEPTH_OF_ROOMS, len(parts))}


def is_in(module: str, room: str) -> bool:
    """Tell whether `module` is the door of `room`, or anything behind it."""
    return module == room or module.startswith(f"{room}.")
