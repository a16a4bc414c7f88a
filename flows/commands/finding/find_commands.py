"""The commands that find videos: `crawl`, `plan`, `words` and `coverage`.

`crawl` enters in the catalog what `run` would work on, and does no more; `plan` asks little and
says what a crawl would cost; `coverage` says how much of the searches is proven complete.

Cost: that of `flows.sources.crawl_sources`; a plan is two calls per search, of ten searches at
most.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyvideo.flows.commands import source_options as given
from tinyvideo.flows.commands.output_options import Json, Out
from tinyvideo.flows.commands.source_options import absolute, require_videos, search_of
from tinyvideo.flows.commands.time_spans import duration_of
from tinyvideo.flows.terminal import (
    ExitCode,
    Position,
    end_with,
    progress,
    say,
    show_facts,
    tame,
    write_json,
)

if TYPE_CHECKING:
    from tinyvideo.pipeline.find import Estimate


def crawl(
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
    unsafe: given.Unsafe = False,
    json: Json = False,
) -> None:
    """Find videos and enter them in the catalog; `run` fetches and stabilizes them later.

    Run it again at any time: it asks for what is new, and for what was not proven.

    Example: tinyvideo crawl --flickr --tag beach --since 2014-01-01 --out strips
    """
    search = search_of(
        flickr=flickr, tags=tag, text=text, words=absolute(words), owner=owner,
        bbox=bbox, since=since, until=until, limit=limit, unsafe=unsafe,
    )  # fmt: skip
    found = crawl_now(
        out, folder, search=search, yfcc100m=absolute(yfcc100m),
        urls=absolute(urls), bucket=bucket, any_license=any_license,
        sources=given.whole_addresses(source), pattern=pattern,
    )  # fmt: skip
    show_facts("found", found)
    if json:
        write_json(found)
    if not found["known"]:
        end_with(ExitCode.NOT_WHOLE, "no video was found")


def crawl_now(out: str, folder: Path | None, **sources: Any) -> dict[str, Any]:
    """Find videos with a progress line; return what was found.

    Raises:
        SettingsError: no source was named, or there is no key for Flickr.
        ServiceError, StorageError, UnreadableError: as their texts say.
    """
    from tinyvideo.flows.run_options import RunOptions
    from tinyvideo.flows.settings import read_settings
    from tinyvideo.flows.sources import Finding, find_videos
    from tinyvideo.flows.upkeep import keep_backup
    from tinyvideo.flows.which_output import output_at

    place = output_at(out)
    options = RunOptions.of(read_settings(), folder, place.address, **sources)
    if folder is None and not options.elsewhere:
        raise typer.BadParameter(given.SAY_WHERE)
    require_videos(options)
    now = Finding()

    def tell(finding: Finding) -> None:
        nonlocal now
        now = finding

    with (
        place.shared(make=True) as output,
        progress("finding", lambda: Position(now.new, None, f"{now.calls} calls {now.query}")),
    ):
        finding = find_videos(output.catalog, options, tell)
        known = output.catalog.position()[1]
        keep_backup(output)
    found: dict[str, Any] = {
        "seen": finding.found,
        "new": finding.new,
        "known": known,
        "calls": finding.calls,
    }
    if bad := finding.told_of_bad_lines():
        found |= {
            "bad lines": sum(one["count"] for one in bad),
            "named in": "\n".join(one["named_in"] for one in bad),
        }
    return found


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

    Example: tinyvideo plan --tag beach --since 2014-01-01
    """
    from tinyvideo.flows.commands.finding.search_forecast import forecast

    search = search_of(
        flickr=True, tags=tag, text=text, words=absolute(words), owner=owner,
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
    json: Json = False,
) -> None:
    """Print the most frequent words of a language, one per line, for `crawl --words`.

    Example: tinyvideo words --count 5000
    """
    from tinyvideo.pipeline.find import frequent_words, hot_tags

    found: list[str] = []
    if hot:
        from tinyvideo.flows.sources import flickr_beside

        with flickr_beside(out) as flickr:
            found += hot_tags(flickr, count)
    found += frequent_words(count, language)
    chosen = list(dict.fromkeys(found))[:count]
    if json:
        write_json({"words": chosen})
        return
    for word in chosen:
        typer.echo(tame(word))


WHY_NOT = {
    "out_of_reach": "more in one second than Flickr shows",
    "disagree": "answers to the same question differ",
    "empty": "answers are empty where something is",
    "short": "pages are short and no two views agree",
    "repeats": "rows stand twice in place of others",
    "unread": "rows were not understood (tinyvideo failures)",
    "total": "the total is above what was shown",
    "older": "an older version looked at it, from one end only",
    "old": "proven so long ago that it is asked for again",
    "newest": "uploaded in the last 3 days, which the index may lag",
}
"""What each doubt means; `pipeline.find.Doubt` has them."""


def tell_doubts(doubts: Mapping[str, int]) -> str:
    """Say why windows are not proven: `2: the total is above what was shown`."""
    told = (f"{count}: {WHY_NOT.get(name, name)}" for name, count in doubts.items())
    return "; ".join(told) or "0"


def tell_estimate(likely: "Estimate | None") -> str:
    """Say how many videos are likely missing, with the interval that holds it in 95 of 100."""
    if likely is None:
        return "not known: nothing was seen from both ends"
    return f"{likely.likely:.0f} ({likely.low:.0f} to {math.ceil(likely.high)})"


def coverage(
    out: Out = "",
    reopen: Annotated[
        bool, typer.Option("--reopen", help="Have the next crawl ask again for what is not proven.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Have the next crawl ask again for what is old.")
    ] = False,
    older_than: Annotated[
        str, typer.Option(help="With --refresh: proven so long ago: 6h, 90d.")
    ] = "90d",
    json: Json = False,
) -> None:
    """Say how much of every search is proven complete, and what it cost.

    Example: tinyvideo coverage --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.catalog import refresh as refresh_windows
    from tinyvideo.storage.catalog import reopen as reopen_windows
    from tinyvideo.storage.catalog import summarize

    age = duration_of(older_than)
    with output_at(out).open() as output:
        searches = summarize(output.catalog.engine)
        refreshed = refresh_windows(output.catalog.engine, age) if refresh else 0
        reopened = reopen_windows(output.catalog.engine) if reopen else 0
    for search in searches:
        show_facts(
            search.query,
            {
                "proven": f"{search.proven} of {search.windows} windows",
                "not proven": tell_doubts(search.doubts),
                "videos": f"{search.found} seen, {search.missing} known to be missing "
                f"({search.share:.3%})",
                "likely missing": tell_estimate(search.likely),
                "out of reach": f"{search.truncated} seconds with more than Flickr shows",
                "not looked at": f"{len(search.gaps)} gaps",
                "calls": f"{search.calls}, {search.least_calls} is the least",
            },
        )
    if refresh:
        say(f"{refreshed} windows were proven before that, and are asked for again by a crawl")
    if reopen:
        say(f"{reopened} windows are asked for again by the next crawl")
    elif not searches:
        say("nothing was searched for yet")
    if json:
        write_json(
            {
                "searches": [search.as_dict() for search in searches],
                "reopened": reopened,
                "refreshed": refreshed,
            }
        )
