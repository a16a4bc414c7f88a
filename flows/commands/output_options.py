"""The options of commands that say where things go, and in which form; the same everywhere.

    --out   an output: a folder, or s3://BUCKET/PREFIX; without it, TINYVIDEO_STORAGE
    --to    a folder or file on this disk, for plain files: pictures, films, pages
    --json  one JSON document on standard output, and nothing else there

Where `--to` has had another name, that one still works.

Cost: none.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tinyvideo.flows.terminal import PlainFileError, check_file, check_folder


def folder_to_write(path: Path | None) -> Path | None:
    """See, before any work, that a folder of this disk can be written.

    Raises:
        BadParameter: it cannot, or it is an address.
    """
    return _tried(path, check_folder)


def place_to_write(place: str) -> str:
    """See, before any work, that a place can be written, where it is a folder of this disk.

    Raises:
        BadParameter: it cannot.
    """
    from tinyvideo.storage.objects import has_scheme  # here, as help needs no storage

    if not has_scheme(place):
        folder_to_write(Path(place).expanduser())
    return place


def file_to_write(path: Path | None) -> Path | None:
    """See, before any work, that a file of this disk can be written.

    Raises:
        BadParameter: it cannot, or it is an address.
    """
    return _tried(path, check_file)


def _tried(path: Path | None, check: Callable[[Path], None]) -> Path | None:
    if path is None:
        return None
    from tinyvideo.storage.objects import has_scheme  # here, as help needs no storage

    if has_scheme(path):  # `s3:` would become a folder
        raise typer.BadParameter(f"give a path on this disk, not an address, got {str(path)!r}")
    try:
        check(path)
    except PlainFileError as error:
        raise typer.BadParameter(str(error)) from error
    return path


Out = Annotated[
    str, typer.Option(help="Output folder, or s3://BUCKET/PREFIX; default: TINYVIDEO_STORAGE.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for programs.")]
KeepUi = Annotated[
    bool, typer.Option("--keep-ui", help="Leave the private Prefect server running.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=256, help="Processes; default: one per core.")
]
StripsTo = Annotated[
    Path,
    typer.Option(
        "-o",
        "--to",
        "--out",
        help="Folder on this disk for the strips.",
        file_okay=False,
        callback=folder_to_write,
    ),
]
