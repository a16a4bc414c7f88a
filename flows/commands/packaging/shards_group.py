"""The commands `tinyvideo shards ls|verify|show|repair`.

Cost: that of `storage.outputs.inventory`, `storage.repair.verify` and `flows.upkeep.restore_shard`;
no server is started.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from tinyvideo.flows.terminal import (
    Position,
    console,
    counted,
    progress,
    say,
    show_facts,
    write_json,
)

if TYPE_CHECKING:
    from tinyvideo.flows.upkeep import RepairOptions
    from tinyvideo.storage.database import ShardRow
    from tinyvideo.storage.outputs import Output
    from tinyvideo.storage.repair import ShardCheck

shards_app = typer.Typer(
    name="shards", no_args_is_help=True, help="List, check and mend the shards of an output."
)

BROKEN = 1
"""Exit code where a shard is broken."""

Out = Annotated[
    str, typer.Option(help="Output folder, or s3://BUCKET/PREFIX; default: TINYVIDEO_STORAGE.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for programs.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(help="Shards, such as shard-000001; default: all.", show_default=False),
]


@shards_app.command("ls")
def list_all(out: Out = "", json: Json = False) -> None:
    """List the shards: strips, videos, size, and whether a file of that size is there."""
    from tinyvideo.flows.which_output import output_at  # noqa: PLC0415
    from tinyvideo.storage.outputs import list_shards  # noqa: PLC0415

    with output_at(out).open() as output:
        lines = [line.as_dict() for line in list_shards(output)]
    if json:
        write_json(lines)
    _show_table(lines)


@shards_app.command()
def verify(names: Names = None, out: Out = "", json: Json = False) -> None:
    """Read every byte of the shards, and name the row groups that are not as they were written."""
    from tinyvideo.flows.which_output import output_at  # noqa: PLC0415
    from tinyvideo.storage.repair import check_shard  # noqa: PLC0415

    checks: list[ShardCheck] = []
    with output_at(out).open() as output:
        shards = _chosen(output, names)
        with progress("shards", lambda: Position(len(checks), len(shards))):
            for shard in shards:
                checks.append(check_shard(output.store, shard))
    problems = [problem for check in checks for problem in check.problems]
    for problem in problems:
        say(problem)
    broken = sum(1 for check in checks if check.problems)
    say(f"{broken} of {len(checks)} shards are broken" if broken else f"{_all(checks)} whole")
    if json:
        write_json({"broken": broken, "shards": [check.as_dict() for check in checks]})
    if broken:
        raise typer.Exit(BROKEN)


@shards_app.command()
def show(
    name: Annotated[str, typer.Argument(help="A shard, such as shard-000001.")],
    out: Out = "",
    rows: Annotated[int, typer.Option(min=0, help="How many rows to show.")] = 3,
    json: Json = False,
) -> None:
    """Show what one shard holds: metadata, row groups, scenes, first rows."""
    from tinyvideo.flows.which_output import output_at  # noqa: PLC0415
    from tinyvideo.storage.outputs import describe_shard, find_shard  # noqa: PLC0415

    with output_at(out).open() as output:
        found = describe_shard(output, find_shard(output, name), rows)
    if json:
        write_json(found)
    _show_shard(found)


@shards_app.command()
def repair(  # noqa: PLR0917  typer reads a command's options from its parameters
    names: Names = None,
    out: Out = "",
    size: Annotated[int, typer.Option(help="Size of the frames, as in the run.")] = 128,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes; default: one per core.")
    ] = None,
    give_up: Annotated[
        bool,
        typer.Option("--give-up", help="Forget shards that stay broken; their videos are pending."),
    ] = False,
    json: Json = False,
) -> None:
    """Make broken shards anew: what is whole is kept, lost videos are curated again."""
    from tinyvideo.flows.upkeep import repair_shard  # noqa: PLC0415
    from tinyvideo.flows.which_output import output_at  # noqa: PLC0415
    from tinyvideo.storage.repair import finish_rewrites  # noqa: PLC0415

    with output_at(out).alone() as output, counted("videos") as count:
        finish_rewrites(output)  # of one that was killed, of a shard that may be whole now
        options = _repair_options(output, size, workers, give_up=give_up)
        done = [repair_shard(output, s, options, count) for s in _chosen(output, names)]
    for entry in done:
        if entry.state != "whole":
            moved = f", and is now {entry.new_key}" if entry.new_key not in {"", entry.key} else ""
            why = f": {entry.problem}" if entry.problem else ""
            say(f"{entry.key} is {entry.state}{moved}{why}")
    if all(entry.state == "whole" for entry in done):
        say(f"{_all(done)} whole")
    if json:
        write_json([entry.as_dict() for entry in done])
    if any(entry.state == "broken" for entry in done):
        raise typer.Exit(BROKEN)


def _chosen(output: "Output", names: Sequence[str] | None) -> "list[ShardRow]":
    from tinyvideo.storage.outputs import find_shard  # noqa: PLC0415

    if not names:
        return output.catalog.shards(committed=True)
    return [find_shard(output, name) for name in names]


def _repair_options(
    output: "Output", size: int, workers: int | None, *, give_up: bool
) -> "RepairOptions":
    from tinyvideo.flows.settings import read_settings  # noqa: PLC0415
    from tinyvideo.flows.upkeep import SCRATCH, RepairOptions  # noqa: PLC0415
    from tinyvideo.flows.workers import WorkerConfig  # noqa: PLC0415
    from tinyvideo.pipeline.curation import CurationConfig  # noqa: PLC0415
    from tinyvideo.pipeline.strips import StripConfig  # noqa: PLC0415

    settings = read_settings()
    try:
        curation = CurationConfig(strips=StripConfig(size=size))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--size") from error
    worker = WorkerConfig(
        out=output.work.path(SCRATCH),
        places_weights=settings.places_weights,
        memory_limit_mb=settings.memory_limit_mb,
        window_limit_s=settings.window_limit_s,
        curation=curation,
    )
    return RepairOptions(
        worker=worker,
        workers=workers or settings.workers,
        video_limit_s=settings.video_limit_s,
        give_up=give_up,
    )


def _show_table(lines: Sequence[Mapping[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("shard")
    for name in ("strips", "videos", "MB"):
        table.add_column(name, justify="right")
    table.add_column("state")
    for line in lines:
        numbers = (str(line["strips"]), str(line["videos"]), f"{line['bytes'] / 1e6:.1f}")
        table.add_row(line["key"], *numbers, line["state"])
    console.print(table)


def _show_shard(found: Mapping[str, Any]) -> None:
    scenes = ", ".join(f"{name or 'none'} ({n})" for name, n in found["scenes"].items())
    show_facts(
        found["name"],
        {
            "strips": f"{found['strips']} of {found['videos']} videos",
            "bytes": f"{found['bytes']:,}",
            "sha256": found["sha256"],
            "row groups": ", ".join(str(group["strips"]) for group in found["row_groups"]),
            "scenes": scenes,
            **found["metadata"],
        },
    )
    for row in found["rows"]:
        show_facts(row["strip_id"], {name: row[name] for name in row if name != "strip_id"})


def _all(entries: Sequence[object]) -> str:
    return "the shard is" if len(entries) == 1 else f"all {len(entries)} shards are"
