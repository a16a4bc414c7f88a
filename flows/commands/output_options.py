"""The options of commands that say where things go, and in which form; the same everywhere.

    --out   an output: a folder, or s3://BUCKET/PREFIX; without it, TINYVIDEO_STORAGE
    --to    a folder or file on this disk, for plain files: pictures, films, pages
    --json  one JSON document on standard output, and nothing else there

Where `--to` has had another name, that one still works.

Cost: none.
"""

import re
from pathlib import Path
from typing import Annotated

import typer


def refuse_address(path: Path | None) -> Path | None:
    """Refuse an address where files of this disk are meant; else `s3:` would become a folder.

    Raises:
        BadParameter: it is one.
    """
    if path is not None and re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", str(path)):
        raise typer.BadParameter(f"give a path on this disk, not an address, got {str(path)!r}")
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
        callback=refuse_address,
    ),
]
