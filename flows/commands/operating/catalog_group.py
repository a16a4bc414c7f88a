"""The commands `tinyvideo catalog rebuild|adopt|backup`: a catalog that is lost, or another one.

Cost: that of `storage.rebuild`; no server is started.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tinyvideo.flows.commands.output_options import Json, Out
from tinyvideo.flows.terminal import (
    ExitCode,
    Position,
    end_with,
    progress,
    say,
    show_books,
    show_facts,
    write_json,
)

if TYPE_CHECKING:
    from tinyvideo.storage.outputs import OutputAddress
    from tinyvideo.storage.rebuild import Rebuilt

catalog_app = typer.Typer(
    name="catalog",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Make a lost catalog anew, take an output over, or back the catalog up.\n\n"
    "Example: tinyvideo catalog rebuild --out s3://bucket/mine",
)

CatalogAt = Annotated[
    str,
    typer.Option(
        "--catalog", help="File, or postgresql:// URL; default: TINYVIDEO_CATALOG, or as `run`."
    ),
]


@catalog_app.command()
def rebuild(
    out: Out = "",
    catalog: CatalogAt = "",
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Of shards alone, though there is a backup.")
    ] = False,
    json: Json = False,
) -> None:
    """Make the catalog of an output whose catalog is lost, of its last backup and its shards.

    Every byte of the shards is read that no backup knows. What was blocked or taken down stays so.
    Killed, the same call goes on. Videos that gave no strip are in no shard: without a backup the
    next run looks at them again.

    Example: tinyvideo catalog rebuild --out s3://bucket/mine
    """
    from tinyvideo.storage.rebuild import rebuild_catalog

    place = _place(out, catalog)
    with _progress() as tell:
        done = rebuild_catalog(place, tell, from_backup=not no_backup)
    _finish(place, done, "rebuilt", json=json)


@catalog_app.command()
def adopt(out: Out = "", catalog: CatalogAt = "", json: Json = False) -> None:
    """Have the catalog of this machine take an output over, with the shards that others made.

    The catalog that had it is refused from then on, until it adopts the output back. Killed, the
    same call goes on. Strips that two catalogs have made of one video are kept once.

    Example: tinyvideo catalog adopt --out s3://bucket/mine
    """
    from tinyvideo.storage.rebuild import adopt_output

    place = _place(out, catalog)
    with _progress() as tell:
        done = adopt_output(place, tell)
    _finish(place, done, "adopted", json=json)


@catalog_app.command()
def backup(out: Out = "", catalog: CatalogAt = "", json: Json = False) -> None:
    """Copy a catalog that is a file to its output, while others may work with it.

    Of an output on S3 each run does that at its end. A catalog in PostgreSQL is for pg_dump.

    Example: tinyvideo catalog backup --out s3://bucket/mine
    """
    from tinyvideo.storage.rebuild import back_up_catalog

    with _place(out, catalog).shared() as output:
        key = back_up_catalog(output)
        name, size = output.store.name(key), output.store.size(key)
    say(f"the catalog is backed up as {name}, {size / 1e6:.1f} MB")
    if json:
        write_json({"backup": name, "bytes": size})


def _place(out: str, catalog: str) -> "OutputAddress":
    from tinyvideo.flows.which_output import output_at

    return output_at(out, catalog)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    now = Position(0, None)

    def tell(done: int, total: int) -> None:
        nonlocal now
        now = Position(done, total)

    with progress("shards", lambda: now):
        yield tell


def _finish(place: "OutputAddress", done: "Rebuilt", what: str, *, json: bool) -> None:
    """Finish takedowns, write the card, say what was found, and end with 3 where it is not whole.

    Raises:
        Exit: a shard is broken, or the books do not balance.
    """
    from tinyvideo.flows.upkeep import close_books, finish_open_takedowns
    from tinyvideo.storage.outputs import audited_books

    with place.alone() as output:
        taken = finish_open_takedowns(output)
        close_books(output, taken_down=taken > 0)
        done.books = audited_books(output.catalog, output.store)
    doubled = sum(done.doubled.values())
    show_facts(
        f"the catalog is {what}",
        {
            "of": done.backup or "shards alone",
            "shards": f"{done.entered} entered, {done.known} known before",
            **({"strips twice": f"{doubled}, now once"} if doubled else {}),
            **({"takedowns": f"{taken} finished"} if taken else {}),
        },
    )
    for sentence in done.broken:
        say(sentence)
    show_books(done.books)
    if json:
        write_json({**done.as_dict(), "takedowns": taken})
    if done.broken or not done.books["balanced"]:
        end_with(ExitCode.NOT_WHOLE, "the catalog is made, but not all shards are whole: see above")
