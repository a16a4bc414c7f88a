"""The options of commands that make strips: size, method, and a file of thresholds.

A file is read here, once, on the machine where the command is typed. What travels to workers are
its values. Options win over it.

Cost: none before a command runs; then 2 ms.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyvideo.flows.terminal import with_option

if TYPE_CHECKING:
    from tinyvideo.pipeline.curation import CurationConfig

OPTION = "--config"

Size = Annotated[
    int | None,
    typer.Option(
        help="Width and height of a strip's frames, pixels; default: as in --config, or 128.",
        show_default=False,
    ),
]
Method = Annotated[
    str | None,
    typer.Option(
        help="`tracks`, or `paper` for the stabilization of 2016; default: as in --config, or "
        "`tracks`.",
        show_default=False,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        OPTION,
        help="File of thresholds, as `tinyvideo config` prints it; what it leaves out stays as it "
        "is, and options win over it.",
        exists=True,
        dir_okay=False,
    ),
]


def read_tables(file: Path) -> dict[str, Any]:
    """Read the thresholds that a file changes, as tables of values.

    Raises:
        UnreadableError: it cannot be read.
        ThresholdError: it is no TOML, or a value in it cannot be used.
    """
    from tinyvideo.pipeline.errors import UnreadableError
    from tinyvideo.pipeline.thresholds import ThresholdError, curation_of, read_toml

    try:
        tables = read_toml(file.read_text(encoding="utf-8-sig"))
        curation_of(tables)
    except OSError as error:
        raise UnreadableError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{file} is not UTF-8 text: {error}") from error
    except ThresholdError as error:
        raise ThresholdError(f"{file}: {error}") from error
    return tables


def tables_in(file: Path | None) -> dict[str, Any]:
    """Read the file of `--config`; without one, nothing is changed.

    Raises:
        UnreadableError: it cannot be read.
        BadParameter: it is no TOML, or a value in it cannot be used.
    """
    if file is None:
        return {}
    try:
        return read_tables(file)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=OPTION) from error


def curation_given(
    file: Path | None, size: int | None = None, method: str | None = None
) -> "CurationConfig":
    """Put together what decides on pixels: today's values, those of a file, then the options.

    Raises:
        UnreadableError: the file cannot be read.
        BadParameter: it, or an option, cannot be used.
    """
    from tinyvideo.pipeline.thresholds import curation_of

    tables = tables_in(file)
    try:
        return curation_of(tables, size=size, method=method)
    except ValueError as error:
        raise typer.BadParameter(with_option(error)) from error
