"""The options of commands that say where videos come from, for `run`, `crawl` and `plan`.

Cost: data only.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyvideo.pipeline.errors import UnreadableError

if TYPE_CHECKING:
    from tinyvideo.flows.run_options import RunOptions
    from tinyvideo.flows.search_options import SearchOptions

SAY_WHERE = "say where the videos are: --folder, --flickr, --yfcc100m, --urls, --bucket or --source"
"""To who has named no source."""

Folder = Annotated[
    Path | None,
    typer.Option(
        help="Folder with videos; sub-folders are searched too.",
        exists=True,
        file_okay=False,
        readable=True,
    ),
]
Pattern = Annotated[
    str,
    typer.Option(help="Names of the files to take from the folder, as '*.mov'; else every film."),
]
Flickr = Annotated[bool, typer.Option("--flickr", help="Search Flickr for videos.")]
Tag = Annotated[
    list[str] | None, typer.Option(help="Flickr: a tag; of several, any. -TAG excludes.")
]
Text = Annotated[str, typer.Option(help="Flickr: words of title, description or tags.")]
Words = Annotated[
    Path | None,
    typer.Option(
        help="Flickr: file with a word per line, and a search for each; see `words`.",
        exists=True,
        dir_okay=False,
    ),
]
Owner = Annotated[str, typer.Option(help="Flickr: the owner's NSID, as 12345678@N00.")]
Bbox = Annotated[str, typer.Option(help="Flickr: WEST,SOUTH,EAST,NORTH in degrees.")]
Since = Annotated[str, typer.Option(help="Flickr: first day of upload, as 2014-01-01.")]
Until = Annotated[str, typer.Option(help="Flickr: day after the last day of upload.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Flickr: new videos after which to stop.")]
Yfcc = Annotated[
    Path | None,
    typer.Option(
        "--yfcc100m", help="Metadata of YFCC100M: text, bz2 or SQLite.", exists=True, dir_okay=False
    ),
]
Urls = Annotated[
    Path | None,
    typer.Option(
        help="List of videos: an address, or JSON, per line.", exists=True, dir_okay=False
    ),
]
Bucket = Annotated[str, typer.Option(help="s3://BUCKET/PREFIX with videos.")]
Source = Annotated[
    list[str] | None,
    typer.Option(help="NAME=ADDRESS, as list=FILE; again for more. A wrong name lists all."),
]
AnyLicense = Annotated[
    bool, typer.Option("--any-license", help="Also videos whose license forbids derivatives.")
]
AllowPrivate = Annotated[
    bool, typer.Option("--allow-private", help="Fetch also from servers in private networks.")
]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Flickr: not only safe results.")]


def absolute(path: Path | None) -> Path | None:
    """Make a path whole, if there is one: who reads it may work in another folder."""
    return path and path.absolute()


def search_of(*, flickr: bool, **words: Any) -> "SearchOptions | None":
    """Make the options of a search of what a command was told; None where it is not to search.

    Raises:
        ValidationError: a value cannot be used, or nothing is searched for.
        BadParameter: a word of a search without --flickr.
    """
    from tinyvideo.flows.search_options import SearchOptions

    given = {name: value for name, value in words.items() if value}
    if not flickr:
        if given:
            name = "tag" if "tags" in given else next(iter(given)).replace("_", "-")
            raise typer.BadParameter("belongs to --flickr", param_hint=f"--{name}")
        return None
    if tags := given.get("tags"):
        given["tags"] = ",".join(tags)
    return SearchOptions.model_validate(given)


def whole_addresses(sources: Sequence[str] | None) -> tuple[str, ...]:
    """Make those addresses whole that are files or folders here: workers run in their own."""
    return tuple(_whole(source) for source in sources or ())


def _whole(source: str) -> str:
    name, _, address = source.partition("=")
    here = Path(address).expanduser()
    return f"{name}={here.absolute()}" if address and here.exists() else source


def require_videos(options: "RunOptions") -> None:
    """Refuse a folder that holds no video at all, unless the output knows videos already.

    Raises:
        UnreadableError: there is none, or the folder cannot be read.
    """
    from tinyvideo.pipeline.find import scan_folder

    named = [source.partition("=")[2] for source in options.sources if source.startswith("folder=")]
    wanted = [(Path(folder), "") for folder in named if Path(folder).is_dir()]
    if options.folder is not None:
        wanted.append((options.folder, options.pattern))
    for folder, pattern in wanted:
        if next(scan_folder(folder, pattern), None) is None and not _knows_videos(options):
            raise no_video_in(folder, pattern)


def no_video_in(folder: Path, pattern: str = "") -> UnreadableError:
    """Say that a folder holds no video, and what there is to do."""
    if pattern:
        return UnreadableError(
            f"there is no file in {folder} or its sub-folders whose name is like {pattern!r}; "
            "without --pattern every film is taken"
        )
    return UnreadableError(
        f"there is no video in {folder} or its sub-folders; a video is known by the ending of its "
        "name, such as .mp4, .mov or .mkv, or by its first bytes; --pattern '*' takes every file"
    )


def _knows_videos(options: "RunOptions") -> bool:
    from tinyvideo.storage.storage_errors import StorageError

    try:
        catalog = options.place.open_catalog()
    except StorageError:  # there is none, or it cannot be used, which others say
        return False
    try:
        return catalog.position()[1] > 0
    finally:
        catalog.close()
