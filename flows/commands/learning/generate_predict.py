"""The commands `tinyvideo generate` and `tinyvideo predict`: what a checkpoint can make.

Cost: that of `models.use.generation` and `models.use.prediction`, and 2 s to import torch.
"""

from pathlib import Path
from typing import Annotated

import typer

from tinyvideo.flows.commands.output_options import Json, file_to_write, folder_to_write
from tinyvideo.flows.terminal import say, waiting, with_option, write_json
from tinyvideo.pipeline.errors import ExpectedError

Checkpoint = Annotated[
    Path, typer.Argument(help="Checkpoint, or the folder of a run.", show_default=False)
]


class OutputError(ExpectedError):
    """What was made cannot be written; the text names the place."""


def generate(
    checkpoint: Checkpoint,
    to: Annotated[
        Path,
        typer.Option(
            "-o",
            "--to",
            "--out",
            help="Folder on this disk for clips and page.",
            file_okay=False,
            callback=folder_to_write,
        ),
    ],
    count: Annotated[int, typer.Option("-n", "--count", help="Clips.")] = 64,
    seed: Annotated[int, typer.Option(help="Of the noise; the same seed, the same clips.")] = 0,
    way: Annotated[
        bool, typer.Option("--interpolate", help="Go from clip 0 of the seed to clip 1.")
    ] = False,
    json: Json = False,
) -> None:
    """Make new clips: GIF, MP4 and strips, each beside its parts, and a page that shows them.

    Example: tinyvideo generate strips/training/beaches -n 16 --to new
    """
    from tinyvideo.models.use import PAGE_NAME  # imports torch
    from tinyvideo.models.use import generate as generate_now

    target = to.absolute()
    try:
        with waiting("generate", f"{count} clips"):
            clips = generate_now(checkpoint, count, seed, target, way=way)
    except ValueError as error:
        raise typer.BadParameter(with_option(error)) from error
    except OSError as error:
        raise OutputError(f"cannot write to {target}: {error.strerror or error}") from error
    say(f"the page is {target / PAGE_NAME}")
    if json:
        write_json({"page": str(target / PAGE_NAME), "clips": [str(c.video) for c in clips]})


def predict(
    checkpoint: Checkpoint,
    image: Annotated[Path, typer.Argument(help="JPEG or PNG.", show_default=False)],
    to: Annotated[
        Path,
        typer.Option(
            "-o",
            "--to",
            "--out",
            help="File on this disk: .gif, .mp4, or .jpg for a strip.",
            callback=file_to_write,
        ),
    ],
    json: Json = False,
) -> None:
    """Show what may happen next in a still image, by a network trained with --condition.

    Example: tinyvideo predict strips/training/beaches still.jpg --to future.gif
    """
    from tinyvideo.models.use import predict as predict_now  # imports torch

    try:
        path = predict_now(checkpoint, image, to.absolute())
    except ValueError as error:
        raise typer.BadParameter(with_option(error)) from error
    except OSError as error:
        raise OutputError(f"cannot write {to}: {error.strerror or error}") from error
    say(f"the future is {path}")
    if json:
        write_json({"future": str(path)})
