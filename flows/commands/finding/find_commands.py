"""The commands that find videos: `crawl`, `plan`, `words` and `coverage`.

`crawl` enters in the catalog what `run` would work on, and does no more; `plan` asks little and
says what a crawl would cost; `coverage` says how much of the searches is proven complete.

Cost: that of `flows.sources.crawl_sources`; a plan is two calls per search, of ten searches at
most.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from tinyvideo.flows.commands import source_options as given
from tinyvideo.flows.commands.source_options import search_of
from tinyvideo.flows.terminal import Position, progress, say, show_facts, write_json

Out = Annotated[
    str, typer.Option(help="Output folder, or s3://BUCKET/PREFIX; default: TINYVIDEO_STORAGE.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for programs.")]


def crawl(
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
    json: Json = False,
) -> None:
    """Find videos and enter them in the catalog; `run` fetches and stabilizes them later.

    Run it again at any time: it asks for what is new, and for what was not proven.
    """
    search = search_of(
        flickr=flickr, tags=tag, text=text, words=words and words.absolute(), owner=owner,
        bbox=bbox, since=since, until=until, limit=limit, unsafe=unsafe,
    )  # fmt: skip
    found = crawl_now(
        out, folder, search=search, yfcc100m=yfcc100m and yfcc100m.absolute(),
        urls=urls and urls.absolute(), bucket=bucket, any_license=any_license,
    )  # fmt: skip
    show_facts("found", found)
    if json:
        write_json(found)


def crawl_now(out: str, folder: Path | None, **sources: Any) -> dict[str, Any]:
    """Find videos with a progress line; return what was found.

    Raises:
        SettingsError: no source was named, or there is no key for Flickr.
        ServiceError, StorageError, UnreadableError: as their texts say.
    """
    from tinyvideo.flows.run_options import RunOptions  # noqa: PLC0415
    from tinyvideo.flows.settings import read_settings  # noqa: PLC0415
    from tinyvideo.flows.sources import Finding, find_videos  # noqa: PLC0415
    from tinyvideo.flows.which_output import output_at  # noqa: PLC0415

    place = output_at(out)
    options = RunOptions.of(read_settings(), folder, place.address, **sources)
    if folder is None and not options.elsewhere:
        raise typer.BadParameter("say where videos are: --flickr, --folder, --yfcc100m, --urls ...")
    now = Finding()

    def tell(finding: Finding) -> None:
        nonlocal now
        now = finding

    with (
        place.shared(make=True) as output,
        progress("finding", lambda: Position(now.new, None, f"{now.calls} calls {now.query}")),
    ):
        finding = find_videos(output.catalog, options, tell)
    return {"seen": finding.found, "new": finding.new, "calls": finding.calls}


def plan(
    tag: given.Tag = None,
    text: given.Text = "",
    words: given.Words = None,
    owner: given.Owner = "",
    bbox: given.Bbox = "",
    since: given.Since = "",
    until: given.Until = "",
    any_license: given.AnyLicense = False,
    unsafe: given.Unsafe = False,
    out: Out = "",
    json: Json = False,
) -> None:
    """Say what a search of Flickr would cost, from a small probe: calls, gigabytes, hours.

    Nothing is entered or fetched.
    """
    from tinyvideo.flows.commands.finding.search_forecast import forecast  # noqa: PLC0415

    search = search_of(
        flickr=True, tags=tag, text=text, words=words and words.absolute(), owner=owner,
        bbox=bbox, since=since, until=until, unsafe=unsafe,
    )  # fmt: skip
    figures = forecast(search, out, any_license=any_license)
    show_facts("a crawl would take", figures)
    if json:
        write_json(figures)


def words(
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many words.")] = 1000,
    language: Annotated[str, typer.Option(help="Language, as en or de.")] = "en",
    hot: Annotated[bool, typer.Option("--hot", help="Flickr's popular tags first.")] = False,
    out: Out = "",
) -> None:
    """Print the most frequent words of a language, one per line, for `crawl --words`."""
    from tinyvideo.pipeline.find import frequent_words, hot_tags  # noqa: PLC0415

    found: list[str] = []
    if hot:
        from tinyvideo.flows.sources import flickr_beside  # noqa: PLC0415

        with flickr_beside(out) as flickr:
            found += hot_tags(flickr, count)
    found += frequent_words(count, language)
    for word in list(dict.fromkeys(found))[:count]:
        typer.echo(word)


def coverage(
    out: Out = "",
    reopen: Annotated[
        bool, typer.Option("--reopen", help="Have the next crawl ask again for what is not proven.")
    ] = False,
    json: Json = False,
) -> None:
    """Say how much of every search is proven complete, and what it cost."""
    from tinyvideo.flows.which_output import output_at  # noqa: PLC0415
    from tinyvideo.storage.catalog import reopen as reopen_windows  # noqa: PLC0415
    from tinyvideo.storage.catalog import summarize  # noqa: PLC0415

    with output_at(out).open() as output:
        searches = summarize(output.catalog.engine)
        reopened = reopen_windows(output.catalog.engine) if reopen else 0
    for search in searches:
        show_facts(
            search.query,
            {
                "proven": f"{search.proven} of {search.windows} windows",
                "videos": f"{search.found} seen, {search.missing} known to be missing "
                f"({search.share:.3%})",
                "out of reach": f"{search.truncated} seconds with more than Flickr shows",
                "not looked at": f"{len(search.gaps)} gaps",
                "calls": f"{search.calls}, {search.least_calls} is the least",
            },
        )
    if reopen:
        say(f"{reopened} windows are asked for again by the next crawl")
    elif not searches:
        say("nothing was searched for yet")
    if json:
        write_json({"searches": [search.as_dict() for search in searches], "reopened": reopened})
