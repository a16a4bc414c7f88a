"""The command `tinyvideo demo`, as it is typed.

Cost: none before it runs.
"""

from pathlib import Path
from typing import Annotated

import typer

from tinyvideo.flows.commands.output_options import Json, KeepUi, folder_to_write
from tinyvideo.flows.terminal import write_json


def demo(
    out: Annotated[
        Path,
        typer.Option(
            help="Output folder; on this disk, as films, training and page lie in it, too.",
            file_okay=False,
            callback=folder_to_write,
        ),
    ] = Path("demo-out"),
    json: Json = False,
    keep_ui: KeepUi = False,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 400,
) -> None:
    """Take three real films all the way: strips, shards, a small model, a page. Start here.

    Example: tinyvideo demo
    """
    from tinyvideo.flows.commands.demo import run_demo

    summary = run_demo(out.absolute(), keep_ui=keep_ui, steps=steps)
    if json:
        write_json(summary)
