"""The commands `tinyvideo stabilize` and `render`: single films, without catalog or server.

Cost: none before they run.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tinyvideo.flows.commands.output_options import Json, StripsTo
from tinyvideo.flows.commands.source_options import Pattern
from tinyvideo.flows.commands.threshold_options import Config, Method, Size, curation_given
from tinyvideo.flows.terminal import ExitCode, end_with, with_option, write_json

Films = Annotated[
    list[Path],
    typer.Argument(help="Video files, or folders with some.", show_default=False, exists=True),
]


def stabilize(
    films: Films,
    to: StripsTo,
    size: Size = None,
    method: Method = None,
    config: Config = None,
    pattern: Pattern = "",
    json: Json = False,
) -> None:
    """Stabilize single films: one folder each, with strips as JPEG and clips.json.

    Example: tinyvideo stabilize beach.mp4 --to strips
    """
    from tinyvideo.flows.commands.curating.stabilize_command import (
        films_in,
        stabilize_with_progress,
    )

    curation = curation_given(config, size, method)
    try:
        summary = stabilize_with_progress(films_in(films, pattern), to.absolute(), curation)
    except ValueError as error:
        raise typer.BadParameter(with_option(error)) from error
    if json:
        write_json(summary)
    end_as_films_did(summary)


def end_as_films_did(films: Sequence[dict[str, Any]]) -> None:
    """End with a sentence where a film was refused, or nothing was kept of any.

    Raises:
        Exit: that is so.
    """
    refused = [film["film"] for film in films if film["problem"]]
    if len(refused) == len(films):
        end_with(ExitCode.WRONG, f"there is nothing to stabilize in {', '.join(refused)}")
    if refused:
        end_with(ExitCode.NOT_WHOLE, f"not every film could be used: {', '.join(refused)}")
    if not any(film["strips"] for film in films):
        windows = sum(film["clips"] for film in films)
        end_with(
            ExitCode.NOT_WHOLE,
            f"no strip was kept: all {windows} windows were rejected; clips.json says why",
        )


def render(
    film: Annotated[
        Path, typer.Argument(help="The film.", show_default=False, exists=True, dir_okay=False)
    ],
    clips: Annotated[
        Path,
        typer.Option(help="Its clips.json, from `stabilize`.", exists=True, dir_okay=False),
    ],
    to: StripsTo,
    size: Size = None,
    config: Config = None,
    crop: Annotated[
        str, typer.Option(help="Square of the film, LEFT,TOP,SIDE in pixels; else the middle.")
    ] = "",
    any_film: Annotated[
        bool, typer.Option("--any-film", help="Take a film that is not the one of clips.json.")
    ] = False,
    json: Json = False,
) -> None:
    """Cut strips anew, at another size or crop, from stored homographies: no SIFT runs again.

    Of --config the tables `frames` and `strips` count. `frames` are those that the film was
    stabilized with, but for working_px: the strips are cut from the full picture.

    Example: tinyvideo render beach.mp4 --clips strips/beach/clips.json --to big --size 256
    """
    from tinyvideo.flows.commands.curating.render_command import render_film

    curation = curation_given(config, size)
    try:
        summary = render_film(film, clips, to.absolute(), curation, crop, any_film=any_film)
    except ValueError as error:
        raise typer.BadParameter(with_option(error)) from error
    if json:
        write_json(summary)
    if not summary["strips"]:
        end_with(ExitCode.NOT_WHOLE, f"no strip was cut: {clips} has no window that was accepted")
