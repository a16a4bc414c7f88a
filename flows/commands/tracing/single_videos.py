"""The commands about single videos: what became of them, trying again, credits, the block list.

Cost: that of `storage.outputs.video_history`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tinyvideo.flows.commands.output_options import Json, Out, file_to_write
from tinyvideo.flows.commands.time_spans import duration_of
from tinyvideo.flows.terminal import (
    ExitCode,
    end_with,
    markdown,
    say,
    show_facts,
    tame,
    web_link,
    whole_file,
    write_json,
)


def explain(
    video: Annotated[str, typer.Argument(help="Id of a video: 123, or flickr-123.")],
    out: Out = "",
    json: Json = False,
) -> None:
    """Tell everything that happened to one video: attempts, windows, strips, shard, rights.

    Example: tinyvideo explain flickr-123 --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.outputs import explain as tell

    with output_at(out).open() as output:
        told = tell(output, video)
    if json:
        write_json(told)
        return
    show_facts(told["video"]["video_id"], _known(told["video"]))
    for event in told["history"]:
        detail = event["detail"].replace("\n", "\n    ")  # a traceback; no line looks like ours
        say(f"{event['at']}  {tame(event['what'])}  {detail}")
    if told["windows"]:
        lines = {k: f"{w['count']}  {w['first']}" for k, w in told["windows"].items()}
        show_facts("windows of 32 frames", lines)
    for strip in told["strips"]:
        show_facts(strip["strip_id"], {k: v for k, v in strip.items() if _is_figure(k, v)})
    for name in told["takedowns"]:
        say(tame(f"taken down: {name}"))


SHOWN = 300
"""Characters of an answer that are shown on the screen."""


def failures(
    out: Out = "",
    examples: Annotated[int, typer.Option(min=0, help="Examples of each cause.")] = 3,
    json: Json = False,
) -> None:
    """List why videos failed or wait for another try, with what was really said.

    Answers of Flickr that nobody understood stand below, by kind; the JSON has 2 kB of the first.

    Example: tinyvideo failures --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.catalog import list_misread
    from tinyvideo.storage.outputs import failures as find

    with output_at(out).open() as output:
        found = find(output.catalog.engine, examples)
        misread = list_misread(output.catalog.engine)
    for failure in found:
        lines = {e["video_id"]: e["detail"] or "-" for e in failure.examples}
        counts = f"{failure.cause}: {failure.failed} failed, {failure.waiting} wait"
        show_facts(counts, lines) if lines else say(counts)
    for kind in misread:
        facts = {"first": f"{kind.first_at:%Y-%m-%d %H:%M}", "it began": kind.first[:SHOWN] or "-"}
        show_facts(f"not understood: {kind.why}, {kind.count} times", facts)
    if not (found or misread):
        say("nothing failed")
    if json:
        kinds = [kind.as_dict() for kind in misread]
        write_json({"failures": [asdict(failure) for failure in found], "not_understood": kinds})


def retry(
    out: Out = "",
    cause: Annotated[str, typer.Option(help="Causes, separated by commas; else all.")] = "",
    older_than: Annotated[
        str, typer.Option(help="Only what happened so long ago: 30m, 6h, 2d.")
    ] = "0m",
    json: Json = False,
) -> None:
    """Have failed videos tried again by the next run; nothing that was rejected is.

    Example: tinyvideo retry --cause network,timeout --older-than 6h --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.outputs import retry as reopen

    causes, age = _causes(cause), duration_of(older_than)
    with output_at(out).open() as output:
        count = reopen(output.catalog.engine, causes, age)
    say(f"{count} videos are tried again by the next run")
    if json:
        write_json({"retried": count})


def credits(
    out: Out = "",
    to: Annotated[
        Path,
        typer.Option(help="File on this disk to write.", dir_okay=False, callback=file_to_write),
    ] = Path("CREDITS.md"),
    json: Json = False,
) -> None:
    """Write the attribution of every video in the shards: title, owner, license, page.

    Example: tinyvideo credits --out strips --to CREDITS.md
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.outputs import credits as find

    count = 0

    def counted(videos: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
        nonlocal count
        for count, video in enumerate(videos, 1):  # noqa: B007
            yield video

    with output_at(out).open() as output, whole_file(to) as file:
        file.writelines(_credit_lines(counted(find(output.catalog.engine))))
    say(f"{to} credits {count} videos")
    if json:
        write_json({"credits": str(to), "videos": count})
    if not count:
        end_with(ExitCode.NOT_WHOLE, "nobody is credited: no shard holds a strip")


def block(
    video: Annotated[str, typer.Argument(help="Id of a video: 123, or flickr-123.")] = "",
    owner: Annotated[str, typer.Option(help="Block everything of this owner.")] = "",
    why: Annotated[str, typer.Option(help="Reason, for the books.")] = "",
    out: Out = "",
    json: Json = False,
) -> None:
    """Never fetch a video, or anything of an owner. What is in shards already: `takedown`.

    Without a name it lists what is blocked.

    Example: tinyvideo block --owner 12345678@N00 --why "asked by mail" --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.catalog import TakedownKind, list_blocks
    from tinyvideo.storage.outputs import block as enter

    if not (video or owner):
        with output_at(out).open() as output:
            blocks = list_blocks(output.catalog.engine)
        show_facts("blocked", {f"{b['kind']} {b['name']}": b["why"] or "-" for b in blocks})
        if json:
            write_json({"blocks": blocks})
        return
    kind, name = what_is_meant(video, owner)
    with output_at(out).shared(make=True) as output:
        rejected = enter(output, TakedownKind(kind), name, why)
    say(f"{kind} {name} is blocked; {rejected} videos that waited are rejected")
    if json:
        write_json({"blocked": name, "kind": kind, "rejected": rejected})


def unblock(
    video: Annotated[str, typer.Argument(help="As it was blocked: 123, or flickr-123.")] = "",
    owner: Annotated[str, typer.Option(help="An owner who was blocked.")] = "",
    out: Out = "",
    json: Json = False,
) -> None:
    """Take a video or an owner off the block list; what was rejected for it waits again.

    Example: tinyvideo unblock --owner 12345678@N00 --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.catalog import TakedownKind
    from tinyvideo.storage.outputs import unblock as delete

    kind, name = what_is_meant(video, owner)
    with output_at(out).shared() as output:
        pending = delete(output, TakedownKind(kind), name)
    say(f"{kind} {name} is not blocked any more; {pending} videos wait again")
    if json:
        write_json({"unblocked": name, "kind": kind, "pending": pending})


def what_is_meant(video: str, owner: str) -> tuple[str, str]:
    """Say whether a command means a video or an owner, as `TakedownKind` has it, and whom.

    Raises:
        BadParameter: both were given, or neither.
    """
    if bool(video) == bool(owner):
        raise typer.BadParameter("give either the id of a video or an --owner")
    return ("owner", owner) if owner else ("video", video)


def _causes(text: str) -> list[str]:
    from tinyvideo.pipeline.errors import FailCause

    causes = [word.strip() for word in text.split(",") if word.strip()]
    known = [cause.value for cause in FailCause]
    for cause in causes:
        if cause not in known:
            raise typer.BadParameter(
                f"there is no cause {cause!r}; there are {', '.join(known)}", param_hint="--cause"
            )
    return causes


def _credit_lines(videos: Iterable[dict[str, str]]) -> Iterator[str]:
    yield "# Credits\n\nThe strips are made of these videos, under the licenses that are named.\n"
    for video in videos:
        owner = markdown(video["owner_name"] or video["owner"] or "unknown")
        title = markdown(video["title"] or video["video_id"])
        license_ = markdown(video["license"] or "license unknown")
        page, terms = _address(video["page_url"]), _address(video["license_url"])
        state = f"; {video['found_to_be']} since" if video["found_to_be"] else ""
        asked = f" (asked {video['asked_at']}{state})" if video["asked_at"] else ""
        yield f"\n- {title}{page} by {owner}, {license_}{terms}{asked}"
    yield "\n"


def _address(url: str) -> str:
    # What is no address of the web stays to be read, and leads nowhere.
    return f" ({web_link(url) or markdown(url)})" if url else ""


def _known(video: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in video.items() if value not in ("", None)}


def _is_figure(name: str, value: Any) -> bool:
    rights = ("owner", "license", "page_url", "title", "video_id", "source", "strip_id")
    return not name.startswith(rights) and value not in ("", None, [])
