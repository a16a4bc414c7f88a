"""`tinyvideo recheck`: are the videos in the shards there still, and under the same license?

Cost: one call of Flickr's API per video.
"""

from pathlib import Path
from typing import Annotated

import typer

from tinyvideo.flows.commands.output_options import Json, Out, file_to_write
from tinyvideo.flows.commands.time_spans import duration_of
from tinyvideo.flows.terminal import Position, progress, say, show_facts, whole_file, write_json


def recheck(
    out: Out = "",
    older_than: Annotated[
        str, typer.Option(help="Only what was not asked about for so long: 6h, 90d.")
    ] = "90d",
    limit: Annotated[int, typer.Option(min=1, help="Videos to ask about at most.")] = 1_000_000,
    to: Annotated[
        Path,
        typer.Option(
            help="File on this disk for ids to take down.", dir_okay=False, callback=file_to_write
        ),
    ] = Path("to-take-down.txt"),
    json: Json = False,
) -> None:
    """Ask Flickr whether videos in the shards are there still, and under which license.

    Answers go into the catalog, from which credits are written. Videos that are gone, or whose
    license does not allow strips any more, stand in a file, an id per line, for `takedown`.

    Example: tinyvideo recheck --older-than 90d --out strips
    """
    from tinyvideo.flows.sources import check_fetched, flickr_of
    from tinyvideo.flows.upkeep import close_books
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.catalog import list_to_take_down

    age, place, done = duration_of(older_than), output_at(out), 0

    def tell(count: int) -> None:
        nonlocal done
        done = count

    with (
        place.shared() as output,
        flickr_of(place) as flickr,
        progress("asking", lambda: Position(done, None, "videos")),
    ):
        counted = check_fetched(output.catalog, flickr, age, limit, tell)
        listed = list_to_take_down(output.catalog.engine)
        close_books(output)  # the card names licenses and owners
    lines = (f"{video_id}\t{what}\t{owner}\n" for video_id, what, owner in listed)
    with whole_file(to) as file:
        file.writelines(lines)
    if counted:
        show_facts("asked about", dict(counted))
    else:
        say(f"no video in the shards was last asked about {older_than} ago, or before")
    say(f"{to} lists {len(listed)} videos to take down: 'tinyvideo takedown ID' takes one out")
    if json:
        write_json({"asked": dict(counted), "to_take_down": [video_id for video_id, *_ in listed]})
