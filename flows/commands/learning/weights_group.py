"""The command `tinyvideo weights get`: weights of the scene classifier, from where they are kept.

Cost: the download.
"""

from pathlib import Path
from typing import Annotated

import typer

from tinyvideo.flows.commands.output_options import Json, folder_to_write
from tinyvideo.flows.terminal import counted, say, write_json

weights_app = typer.Typer(
    name="weights",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Fetch the weights of the scene classifier.\n\nExample: tinyvideo weights get places365",
)


@weights_app.callback()
def _group() -> None:
    pass  # so that `get` stays a word of its own, as long as it is the only one


@weights_app.command()
def get(
    name: Annotated[str, typer.Argument(help="places365", show_default=False)],
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            "--folder",
            help="Folder on this disk to put the file in.",
            callback=folder_to_write,
        ),
    ] = Path("weights"),
    arch: Annotated[str, typer.Option(help="resnet18 or resnet50.")] = "resnet18",
    json: Json = False,
) -> None:
    """Download weights, check their hash, and say how to use them.

    Example: tinyvideo weights get places365 --arch resnet50
    """
    from tinyvideo.models.scenes import fetch_places365

    if name != "places365":
        raise typer.BadParameter(f"there is no {name!r}; places365 is what can be fetched")
    with counted("download") as count:
        path = fetch_places365(to.absolute(), arch, progress=count)
    say(f"the weights are {path}; use them with: export TINYVIDEO_PLACES_WEIGHTS={path}")
    if json:
        write_json({"weights": str(path)})
