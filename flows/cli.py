"""The command `tinyvideo`.

Commands print for people on standard error, and with `--json` one document on standard output.
Exit codes: 0 done; 1 the run failed; 2 the command, a file or a setting is wrong (one sentence
says what); 3 the books do not balance; 130 stopped by Ctrl-C, 143 by SIGTERM.

Cost: help answers in half a second: torch and Prefect are imported by the commands which use them.
"""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from typer.exceptions import TyperException

from tinyvideo.flows.commands import source_options as given
from tinyvideo.flows.commands.finding import budget, chaos_demo, coverage, crawl, plan, words
from tinyvideo.flows.commands.learning import generate, predict, train
from tinyvideo.flows.commands.operating import deploy, doctor, down, settings, up
from tinyvideo.flows.commands.packaging import dataset_app, export, import_released, shards_app
from tinyvideo.flows.commands.source_options import search_of
from tinyvideo.flows.commands.tracing import (
    block,
    credits,
    explain,
    failures,
    retry,
    takedown,
    unblock,
)
from tinyvideo.flows.machine import worker
from tinyvideo.flows.terminal import (
    SIGNALS,
    code_of,
    counted,
    end_when_asked,
    say,
    show_books,
    tell_stopped,
    write_json,
)
from tinyvideo.pipeline.errors import ExpectedError

app = typer.Typer(
    name="tinyvideo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Turn video into training data for video generation, and train on it.\n\n"
    "Start with **tinyvideo demo**: real films go all the way in a few minutes, with nothing "
    "configured. Then **tinyvideo run --folder YOUR_VIDEOS --out DIR**.",
)
weights = typer.Typer(
    name="weights", no_args_is_help=True, help="Fetch the weights of the scene classifier."
)
Out = Annotated[
    str, typer.Option(help="Output folder, or s3://BUCKET/PREFIX; default: TINYVIDEO_STORAGE.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for programs.")]
KeepUi = Annotated[
    bool, typer.Option("--keep-ui", help="Leave the private Prefect server running.")
]
Engine = Annotated[
    Literal["process", "dask", "ray"],
    typer.Option(help="What curates: processes of this machine, or a cluster."),
]
EngineAddress = Annotated[str, typer.Option(help="The cluster; default: one on this machine.")]
Films = Annotated[
    list[Path],
    typer.Argument(help="Video files.", show_default=False, exists=True, dir_okay=False),
]


@app.command(rich_help_panel="Start here")
def demo(
    out: Annotated[Path, typer.Option(help="Output folder.", file_okay=False)] = Path("demo-out"),
    json: Json = False,
    keep_ui: KeepUi = False,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 400,
) -> None:
    """Take three real films all the way: strips, shards, a small model, a page. Start here."""
    from tinyvideo.flows.commands.demo import run_demo  # noqa: PLC0415

    summary = run_demo(out.absolute(), keep_ui=keep_ui, steps=steps)
    if json:
        write_json(summary)


@app.command(rich_help_panel="Start here")
def run(
    out: Out = "",
    folder: given.Folder = None,
    flickr: given.Flickr = False,
    tag: given.Tag = None,
    text: given.Text = "",
    words: given.Words = None,
    owner: given.Owner = "",
    bbox: given.Bbox = "",
    since: given.Since = "",
    until: given.Until = "",
    limit: given.Limit = None,
    yfcc100m: given.Yfcc = None,
    urls: given.Urls = None,
    bucket: given.Bucket = "",
    any_license: given.AnyLicense = False,
    unsafe: given.Unsafe = False,
    size: Annotated[int, typer.Option(help="Width and height of a strip's frames, pixels.")] = 128,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes; default: one per core.")
    ] = None,
    engine: Engine = "process",
    engine_address: EngineAddress = "",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try videos again that failed before.")
    ] = False,
    json: Json = False,
    keep_ui: KeepUi = False,
) -> None:
    """Turn videos, your own or found on Flickr, into shards of stabilized, tagged strips.

    Run it again at any time: it does what is missing, after a crash or with new videos. Without
    any of --folder, --flickr, --yfcc100m, --urls and --bucket, it works on videos that wait.
    """
    from tinyvideo.flows.commands.curating import run_folder  # noqa: PLC0415
    from tinyvideo.flows.which_output import output_at  # noqa: PLC0415

    search = search_of(
        flickr=flickr, tags=tag, text=text, words=words and words.absolute(), owner=owner,
        bbox=bbox, since=since, until=until, limit=limit, unsafe=unsafe,
    )  # fmt: skip
    named = bool(folder or search or yfcc100m or urls or bucket)
    if not named and not output_at(out).has_catalog():
        raise typer.BadParameter(
            "say where the videos are: --folder, --flickr, --yfcc100m, --urls or --bucket",
            param_hint="--folder",
        )
    changes: dict[str, object] = {
        "size": size, "retry_failed": retry_failed, "search": search,
        "yfcc100m": yfcc100m and yfcc100m.absolute(), "urls": urls and urls.absolute(),
        "bucket": bucket, "any_license": any_license,
        "engine": engine, "engine_address": engine_address, "waiting_only": not named,
    }  # fmt: skip
    if workers is not None:
        changes["workers"] = workers
    books = run_folder(folder, out, keep_ui=keep_ui, **changes)
    if json:
        write_json(books)


@app.command(rich_help_panel="Start here")
def status(out: Out = "", json: Json = False) -> None:
    """Print the books of an output: what became of every video and every clip."""
    from tinyvideo.flows.which_output import output_at  # noqa: PLC0415
    from tinyvideo.storage.outputs import read_books  # noqa: PLC0415

    books = read_books(output_at(out))
    if json:
        write_json(books)
    else:
        show_books(books)
    if not books["balanced"]:
        raise typer.Exit(3)


@app.command(rich_help_panel="Single films")
def stabilize(
    films: Films,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for strips.", file_okay=False)],
    size: Annotated[int, typer.Option(help="Width and height of a strip's frames, pixels.")] = 128,
    method: Annotated[
        str, typer.Option(help="`tracks`, or `paper` for the stabilization of 2016.")
    ] = "tracks",
    json: Json = False,
) -> None:
    """Stabilize single films: one folder each, with strips as JPEG and clips.json."""
    from tinyvideo.flows.commands.curating import stabilize_with_progress  # noqa: PLC0415

    try:
        summary = stabilize_with_progress(films, out.absolute(), size, method)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if json:
        write_json(summary)


@app.command(rich_help_panel="Single films")
def render(
    film: Annotated[
        Path, typer.Argument(help="The film.", show_default=False, exists=True, dir_okay=False)
    ],
    clips: Annotated[
        Path,
        typer.Option(help="Its clips.json, from `stabilize`.", exists=True, dir_okay=False),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for strips.", file_okay=False)],
    size: Annotated[int, typer.Option(help="Width and height of a strip's frames, pixels.")] = 128,
    crop: Annotated[
        str, typer.Option(help="Square of the film, LEFT,TOP,SIDE in pixels; else the middle.")
    ] = "",
    json: Json = False,
) -> None:
    """Cut strips anew, at another size or crop, from stored homographies: no SIFT runs again."""
    from tinyvideo.flows.commands.curating import render_film  # noqa: PLC0415

    try:
        summary = render_film(film, clips, out.absolute(), size, crop)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if json:
        write_json(summary)


@app.command(rich_help_panel="Start here")
def report(out: Out = "", json: Json = False) -> None:
    """Write report.html: books, scenes, strips before and after, training, generated clips."""
    from tinyvideo.flows.commands.curating import show_page  # noqa: PLC0415
    from tinyvideo.flows.which_output import output_at  # noqa: PLC0415

    page = show_page(output_at(out))
    say(f"the page is {page}")
    if json:
        write_json({"report": str(page)})


@weights.command("get")
def get_weights(
    name: Annotated[str, typer.Argument(help="places365")],
    folder: Annotated[Path, typer.Option(help="Where to put the file.")] = Path("weights"),
    arch: Annotated[str, typer.Option(help="resnet18 or resnet50.")] = "resnet18",
) -> None:
    """Download weights, check their hash, and say how to use them."""
    from tinyvideo.models.scenes import fetch_places365  # noqa: PLC0415

    if name != "places365":
        raise typer.BadParameter(f"there is no {name!r}; places365 is what can be fetched")
    with counted("download") as count:
        path = fetch_places365(folder.absolute(), arch, progress=count)
    say(f"the weights are {path}; use them with: export TINYVIDEO_PLACES_WEIGHTS={path}")


PANELS: dict[str, tuple[Callable[..., None] | typer.Typer, ...]] = {
    "Find videos": (crawl, plan, words, coverage, budget, chaos_demo),
    "What became of them": (explain, failures, retry, credits, block, unblock, takedown),
    "Shards and datasets": (shards_app, dataset_app, import_released, export),
    "Train and use": (train, generate, predict, weights),
    "Machines": (up, down, deploy, worker, doctor, settings),
}
"""Commands that live in modules of their own, by the heading that `--help` shows them under."""

NAMES = {import_released: "import"}
"""What Python does not let a function be called."""

for panel, commands in PANELS.items():
    for command in commands:
        if isinstance(command, typer.Typer):
            app.add_typer(command, rich_help_panel=panel)
        else:
            app.command(NAMES.get(command), rich_help_panel=panel)(command)


def main() -> None:
    """Run the command line; every expected error is one sentence, and so is being stopped."""
    end_when_asked()
    try:
        code = app(standalone_mode=False) or 0
    except TyperException as error:
        code = _refuse(error.format_message(), error.exit_code)
    except ValidationError as error:
        code = _refuse("; ".join(_sentence(entry) for entry in error.errors()), 2)
    except ExpectedError as error:
        code = _refuse(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = code_of(signal.SIGINT)
    except SystemExit as asked:
        code = asked.code
    if code in map(code_of, SIGNALS):  # typer, too, turns Ctrl-C into this number
        tell_stopped()
    sys.exit(code)


def _refuse(sentence: str, code: int) -> int:
    say(f"tinyvideo: {sentence}")
    return code


def _sentence(entry: ErrorDetails) -> str:
    name = ".".join(str(part) for part in entry["loc"])
    return f"{name}: {entry['msg']}, got {entry['input']!r}" if name else entry["msg"]


if __name__ == "__main__":
    main()
