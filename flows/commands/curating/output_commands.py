"""The commands `tinyvideo run`, `status` and `report`: videos into an output, and what is in it.

Cost: none before they run.
"""

from typing import Annotated, Any, Literal

import typer

from tinyvideo.flows.commands import source_options as given
from tinyvideo.flows.commands.output_options import Json, KeepUi, Out, Workers
from tinyvideo.flows.commands.source_options import absolute, search_of
from tinyvideo.flows.commands.threshold_options import Config, Size, tables_in
from tinyvideo.flows.terminal import (
    ExitCode,
    end_with,
    say,
    show_books,
    show_facts,
    tell_pace,
    write_json,
)

Engine = Annotated[
    Literal["process", "dask", "ray"],
    typer.Option(help="What curates: processes of this machine, or a cluster."),
]
EngineAddress = Annotated[str, typer.Option(help="The cluster; default: one on this machine.")]


def run(
    out: Out = "",
    folder: given.Folder = None,
    pattern: given.Pattern = "",
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
    source: given.Source = None,
    any_license: given.AnyLicense = False,
    allow_private: given.AllowPrivate = False,
    unsafe: given.Unsafe = False,
    size: Size = None,
    config: Config = None,
    workers: Workers = None,
    engine: Engine = "process",
    engine_address: EngineAddress = "",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try videos again that failed before.")
    ] = False,
    json: Json = False,
    keep_ui: KeepUi = False,
) -> None:
    """Turn videos, your own or found on Flickr, into shards of stabilized, tagged strips.

    Run it again at any time: it does what is missing, after a crash or with new videos. Where no
    option says where videos are, it works on those that wait in the output.

    Example: tinyvideo run --folder beaches --out strips
    """
    from tinyvideo.flows.commands.curating.run_command import run_folder
    from tinyvideo.flows.which_output import output_at

    search = search_of(
        flickr=flickr, tags=tag, text=text, words=absolute(words), owner=owner,
        bbox=bbox, since=since, until=until, limit=limit, unsafe=unsafe,
    )  # fmt: skip
    named = bool(folder or search or yfcc100m or urls or bucket or source)
    if not named and not output_at(out).has_catalog():
        raise typer.BadParameter(given.SAY_WHERE, param_hint="--folder")
    changes: dict[str, object] = {
        "size": size, "config": tables_in(config), "retry_failed": retry_failed, "search": search,
        "yfcc100m": absolute(yfcc100m), "urls": absolute(urls),
        "bucket": bucket, "sources": given.whole_addresses(source), "any_license": any_license,
        "engine": engine, "engine_address": engine_address, "waiting_only": not named,
        "pattern": pattern,
    }  # fmt: skip
    if allow_private:
        changes["allow_private"] = True
    if workers is not None:
        changes["workers"] = workers
    books = run_folder(folder, out, keep_ui=keep_ui, **changes)
    if json:
        write_json(books)
    if missing := what_is_missing(books):
        end_with(ExitCode.NOT_WHOLE, missing)


def what_is_missing(books: dict[str, Any]) -> str:
    """Say why a run whose books balance has not done what was asked; empty if it has."""
    videos = books["videos"]
    if videos["pending"]:
        return f"{videos['pending']} videos are pending; run the same command again to go on"
    if books["strips"]:
        return ""
    if not videos["found"]:
        return (
            "no video was found, so there is no strip: name a folder, list or search that has some"
        )
    rejected, failed = (sum(videos[kind].values()) for kind in ("rejected", "failed"))
    return (
        f"no strip was kept: of {videos['found']} videos, {rejected} were rejected and {failed} "
        "failed; the books say why"
    )


def status(out: Out = "", json: Json = False) -> None:
    """Print the books of an output: what became of every video and every clip.

    While a run is at work, also how many videos end in an hour and how long the rest will take.

    Example: tinyvideo status --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.catalog import read_pace
    from tinyvideo.storage.outputs import audited_books

    with output_at(out).open() as output:
        books = audited_books(output.catalog, output.store)
        pace = read_pace(output.catalog)
    if json:
        write_json({**books, "crawl": pace.as_dict()})
    else:
        show_books(books)
        if told := tell_pace(pace.as_dict()):
            show_facts("the crawl", told)
    if not books["balanced"]:
        end_with(ExitCode.NOT_WHOLE, "the books do not balance: " + "; ".join(books["problems"]))


def report(out: Out = "", json: Json = False) -> None:
    """Write report.html: books, scenes, strips before and after, training, generated clips.

    It lies in the output, or in its work folder where that is on S3.

    Example: tinyvideo report --out strips
    """
    from tinyvideo.flows.commands.curating.run_command import show_page
    from tinyvideo.flows.which_output import output_at

    page = show_page(output_at(out))
    say(f"the page is {page}")
    if json:
        write_json({"report": str(page)})
