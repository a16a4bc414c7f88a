"""The commands `tinyvideo shards ls|verify|show|repair|upgrade`, and `tinyvideo schema`.

Cost: that of `storage.outputs.inventory`, `storage.repair` and `flows.upkeep.restore_shard`; no
server is started.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyvideo.flows.commands.output_options import Json, Out, Workers
from tinyvideo.flows.commands.threshold_options import Config, Size, curation_given
from tinyvideo.flows.terminal import (
    ExitCode,
    Position,
    counted,
    end_with,
    progress,
    say,
    show_facts,
    show_table,
    write_json,
)

if TYPE_CHECKING:
    from tinyvideo.flows.upkeep import RepairOptions
    from tinyvideo.pipeline.curation import CurationConfig
    from tinyvideo.storage.database import ShardRow
    from tinyvideo.storage.outputs import Output
    from tinyvideo.storage.repair import ShardCheck

shards_app = typer.Typer(
    name="shards",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, check and mend the shards of an output.\n\n"
    "Example: tinyvideo shards verify --out strips",
)

Names = Annotated[
    list[str] | None,
    typer.Argument(help="Shards, such as shard-000001; default: all.", show_default=False),
]


@shards_app.command("ls")
def list_all(out: Out = "", json: Json = False) -> None:
    """List the shards: strips, videos, size, and whether a file of that size is there.

    Example: tinyvideo shards ls --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.outputs import list_shards

    with output_at(out).open() as output:
        lines = [line.as_dict() for line in list_shards(output)]
    if json:
        write_json(lines)
    _show_table(lines)


@shards_app.command()
def verify(names: Names = None, out: Out = "", json: Json = False) -> None:
    """Read every byte of the shards, and name the row groups that are not as they were written.

    Example: tinyvideo shards verify shard-000001 --out strips
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.repair import check_shard

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
    if not broken:
        say(f"{_all(checks)} whole")
    if json:
        write_json({"broken": broken, "shards": [check.as_dict() for check in checks]})
    if broken:
        end_with(ExitCode.FAILED, f"{broken} of {len(checks)} shards are broken")


@shards_app.command()
def show(
    name: Annotated[str, typer.Argument(help="A shard, such as shard-000001.")],
    out: Out = "",
    rows: Annotated[int, typer.Option(min=0, help="How many rows to show.")] = 3,
    json: Json = False,
) -> None:
    """Show what one shard holds: metadata, row groups, scenes, first rows.

    Example: tinyvideo shards show shard-000001 --out strips --rows 1
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.outputs import describe_shard, find_shard

    with output_at(out).open() as output:
        found = describe_shard(output, find_shard(output, name), rows)
    if json:
        write_json(found)
    _show_shard(found)


@shards_app.command()
def repair(
    names: Names = None,
    out: Out = "",
    size: Size = None,
    config: Config = None,
    workers: Workers = None,
    give_up: Annotated[
        bool,
        typer.Option("--give-up", help="Forget shards that stay broken; their videos are pending."),
    ] = False,
    json: Json = False,
) -> None:
    """Make broken shards anew: what is whole is kept, lost videos are curated again.

    Size and thresholds are those of the run that made them.

    Example: tinyvideo shards repair --out strips
    """
    from tinyvideo.flows.upkeep import close_books, repair_shard
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.repair import finish_rewrites

    curation = curation_given(config, size)
    with output_at(out).alone() as output, counted("videos") as count:
        finish_rewrites(output)  # of one that was killed, of a shard that may be whole now
        options = _repair_options(output, curation, workers, give_up=give_up)
        done = [repair_shard(output, s, options, count) for s in _chosen(output, names)]
        close_books(output)
    for entry in done:
        if entry.state != "whole":
            moved = f", and is now {entry.new_key}" if entry.new_key not in {"", entry.key} else ""
            why = f": {entry.problem}" if entry.problem else ""
            say(f"{entry.key} is {entry.state}{moved}{why}")
    if all(entry.state == "whole" for entry in done):
        say(f"{_all(done)} whole")
    if json:
        write_json([entry.as_dict() for entry in done])
    if broken := sum(1 for entry in done if entry.state == "broken"):
        end_with(ExitCode.FAILED, f"{broken} of {len(done)} shards stay broken")


@shards_app.command()
def upgrade(names: Names = None, out: Out = "", json: Json = False) -> None:
    """Write shards of an older version anew, so that other programs read them as of today.

    tinyvideo itself reads all of them as they are. Pictures keep their bytes.

    Example: tinyvideo shards upgrade --out strips
    """
    from tinyvideo.flows.upkeep import close_books
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.repair import finish_rewrites, upgrade_shard

    moved: dict[str, str] = {}
    with output_at(out).alone() as output:
        finish_rewrites(output)  # of one that was killed
        shards = _chosen(output, names)
        with progress("shards", lambda: Position(len(moved), len(shards))):
            for shard in shards:
                moved[shard.key] = upgrade_shard(output, shard)
        close_books(output)
    written = {old: new for old, new in moved.items() if new != old}
    for old, new in written.items():
        say(f"{old} is now {new}")
    if not written:
        say(f"{_all([*moved])} of the present schema")
    if json:
        write_json({"upgraded": written, "shards": len(moved)})


def schema(json: Json = False) -> None:
    """Print the columns of a shard: type, unit, what each says, and what null means there.

    Example: tinyvideo schema --json
    """
    from tinyvideo.storage.shards import SCHEMA, SCHEMA_VERSION, described

    told = [described(field) for field in SCHEMA]
    if json:
        write_json({"version": SCHEMA_VERSION, "columns": told})
        return
    for each in told:
        say(f"{each['column']}  {each['type']}, {each['unit']}\n    {each['meaning']}")


def _chosen(output: "Output", names: Sequence[str] | None) -> "list[ShardRow]":
    from tinyvideo.storage.outputs import find_shard

    if not names:
        return output.catalog.shards(committed=True)
    return [find_shard(output, name) for name in names]


def _repair_options(
    output: "Output", curation: "CurationConfig", workers: int | None, *, give_up: bool
) -> "RepairOptions":
    from tinyvideo.flows.settings import read_settings
    from tinyvideo.flows.upkeep import SCRATCH, RepairOptions
    from tinyvideo.flows.workers import WorkerConfig

    settings = read_settings()
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
    rows = (
        (
            line["key"],
            str(line["strips"]),
            str(line["videos"]),
            f"{line['bytes'] / 1e6:.1f}",
            line["state"],
        )
        for line in lines
    )
    show_table(("shard", "strips>", "videos>", "MB>", "state"), rows)


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
