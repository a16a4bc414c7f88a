"""The command `tinyvideo takedown`: a video or an owner goes out of everything, for good.

Requests that somebody killed are finished by the next takedown, or by the next run.

Cost: that of `storage.takedown`, and 2 ms per checkpoint.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tinyvideo.flows.commands.output_options import Json, Out
from tinyvideo.flows.commands.tracing.single_videos import what_is_meant
from tinyvideo.flows.terminal import say, show_facts, waiting, write_json


def takedown(
    video: Annotated[
        str, typer.Argument(help="Id of a video: 123, or flickr-123.", show_default=False)
    ] = "",
    out: Out = "",
    owner: Annotated[str, typer.Option(help="Take down everything of this owner.")] = "",
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option(help="Folder with checkpoints elsewhere; may be given more than once."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
    json: Json = False,
) -> None:
    """Take a video, or all of an owner, out of catalog, shards and datasets, and keep it out.

    It says what would go, and asks. A name that nobody knows changes nothing: `block` keeps it out.
    Checkpoints that were trained on it are listed. Stopped or killed, it is finished when run
    again.

    Example: tinyvideo takedown --owner 12345678@N00 --out strips --dry-run
    """
    kind, name = what_is_meant(video, owner)
    goes = preview_now(out, kind, name)
    if dry_run or not yes:
        _show_preview(goes)
    if dry_run:
        if json:
            write_json(goes)
        return
    if not yes and not _agreed():
        raise typer.BadParameter("nothing has changed; --yes takes it down without asking")
    done = take_down_now(out, kind, name, checkpoints or ())
    show_takedown(done)
    if json:
        write_json(done)


def preview_now(out: str, kind: str, name: str) -> dict[str, Any]:
    """Say what a takedown would take.

    Raises:
        BadParameter: nobody knows the name.
        StorageError: there is no output, or it cannot be read.
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.catalog import TakedownKind
    from tinyvideo.storage.storage_errors import UnknownNameError
    from tinyvideo.storage.takedown import preview

    with output_at(out).open() as output:
        try:
            return preview(output, TakedownKind(kind), name.strip())
        except UnknownNameError as error:
            raise typer.BadParameter(str(error)) from error


def _agreed() -> bool:
    return sys.stdin.isatty() and typer.confirm("Take this down for good?", err=True)


def _show_preview(goes: Mapping[str, Any]) -> None:
    shown = ", ".join(goes["videos"][:5]) + (", ..." if len(goes["videos"]) > 5 else "")
    show_facts(
        f"takedown of {goes['kind']} {goes['name']} takes, for good",
        {
            "videos": f"{len(goes['videos'])}: {shown}",
            "strips": goes["strips"],
            "shards": ", ".join(goes["shards"]) or "none",
            "datasets": ", ".join(goes["datasets"]) or "none",
        },
    )


def take_down_now(out: str, kind: str, name: str, folders: Iterable[Path]) -> dict[str, Any]:
    """Take down `name` while holding the output alone; return the audit line.

    Raises:
        StorageError: the output is in use, a touched shard is broken, or the storage fails.
    """
    from tinyvideo.flows.upkeep import known_checkpoints, remove_page
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.catalog import TakedownKind, as_dict
    from tinyvideo.storage.takedown import take_down

    with output_at(out).alone() as output, waiting("takedown", name):
        known = known_checkpoints(output, folders)
        done = as_dict(take_down(output, TakedownKind(kind), name, known))
        remove_page(output)
    return done


def show_takedown(done: Mapping[str, Any]) -> None:
    """Print what a takedown did."""
    shards = [f"{old} -> {new or 'nothing left'}" for old, new in done["shards"].items()]
    show_facts(
        f"takedown {done['number']}: {done['kind']} {done['name']}",
        {
            "videos": ", ".join(done["videos"]) or "none known; blocked from now on",
            "strips": done["strips"],
            "shards": ", ".join(shards) or "none",
            "datasets": ", ".join(done["datasets"]) or "none",
        },
    )
    for path in done["checkpoints"]:
        say(f"the checkpoint {path} was trained on it")
    for path in done["uncertain_checkpoints"]:
        say(f"the checkpoint {path} may have been trained on it: its dataset is gone")
