"""What a takedown touches beside storage: checkpoints, and the page.

The page `report.html`, which shows pictures, is removed; `tinyvideo report` writes it anew.

Cost: 2 ms per checkpoint.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tinyvideo.flows.terminal import say
from tinyvideo.flows.upkeep.books_closed import close_books

if TYPE_CHECKING:
    from tinyvideo.storage.outputs import Output


def finish_open_takedowns(output: "Output") -> int:
    """Finish the takedowns, and rewrites of shards, that were killed; return how many takedowns.

    Raises:
        StorageError: a touched shard is broken, or the storage fails.
    """
    from tinyvideo.storage.catalog import read_takedowns  # noqa: PLC0415
    from tinyvideo.storage.repair import finish_rewrites  # noqa: PLC0415
    from tinyvideo.storage.takedown import finish_takedowns  # noqa: PLC0415

    finish_rewrites(output)  # of a repair, maybe
    if not read_takedowns(output.catalog.engine, finished=False):
        return 0
    finished = finish_takedowns(output, known_checkpoints(output, ()))
    remove_page(output)
    return len(finished)


def known_checkpoints(output: "Output", folders: Iterable[Path]) -> dict[str, str]:
    """Find the checkpoints below the work folder and `folders`; the manifest's id by path."""
    from tinyvideo.models.checkpoints import find_checkpoints  # noqa: PLC0415  imports torch

    return find_checkpoints([output.work.root, *folders])


def remove_page(output: "Output") -> None:
    """Delete the page, where there is one, and write the card anew: both name owners."""
    close_books(output, taken_down=True)
    page = output.work.path("report.html")
    if page.exists():
        page.unlink()
        say(f"removed {page}, which may show it; 'tinyvideo report' writes it anew")
