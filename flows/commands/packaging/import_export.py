"""The commands `tinyvideo import` and `tinyvideo export`: other people's formats, in and out.

Cost: that of `storage.exchange.import_released` and `storage.exchange.export`; no server is
started.
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyvideo.flows.commands.output_options import Json, Out, place_to_write
from tinyvideo.flows.terminal import (
    ExitCode,
    Position,
    end_with,
    progress,
    say,
    show_facts,
    write_json,
)

if TYPE_CHECKING:
    from tinyvideo.storage.exchange import ImportCounts


def import_released(
    kind: Annotated[str, typer.Argument(help="tinyvideo: the released dataset.")],
    tar: Annotated[
        Path, typer.Option(help="Tarball of JPEG strips; it is not unpacked.", dir_okay=False)
    ],
    out: Out = "",
    listing: Annotated[
        Path | None, typer.Option("--list", help="List of the strips to take.", dir_okay=False)
    ] = None,
    scene: Annotated[
        str, typer.Option(help="Scene that all strips show, such as golf_course.")
    ] = "",
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Take videos although not all of their strips are in the archive."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Turn the released dataset's tarballs into shards. Run it again: nothing is doubled.

    Strips may come in any order. A video whose strips have not all come is pending, and the next
    import takes it; the command then ends with 3.

    Example: tinyvideo import tinyvideo --tar golf.tar.bz2 --list golf.txt --out strips
    """
    if kind != "tinyvideo":
        raise typer.BadParameter(f"there is no {kind!r}; tinyvideo is what can be imported")
    counts = import_now(tar, listing, out, scene, partial=partial)
    facts = {name: value for name, value in asdict(counts).items() if name != "rejected"}
    show_facts(f"imported {tar}", {**facts, **counts.rejected})
    if json:
        write_json({**facts, "rejected": dict(counts.rejected)})
    if not (counts.strips or counts.known):
        end_with(ExitCode.NOT_WHOLE, f"no strip came out of {tar}")
    if counts.not_whole:
        end_with(
            ExitCode.NOT_WHOLE,
            f"{counts.not_whole}; import a whole archive, or take what there is with --partial",
        )


def export(
    to: Annotated[
        str,
        typer.Option(
            help="Empty folder, or s3://BUCKET/PREFIX, to write to.", callback=place_to_write
        ),
    ],
    form: Annotated[str, typer.Option("--format", help="hub, webdataset, mp4 or tinyvideo.")],
    out: Out = "",
    dataset: Annotated[str, typer.Option(help="Take this dataset; default: all shards.")] = "",
    split: Annotated[str, typer.Option(help="With --dataset: train, validation or test.")] = "",
    shards: Annotated[
        int, typer.Option(min=0, help="Files of each split; default: one per 4,096 strips.")
    ] = 0,
    json: Json = False,
) -> None:
    """Write strips for the Hub, as WebDataset, as films, or in the released dataset's format.

    Of a dataset, train, validation and test go apart.

    Example: tinyvideo export --format hub --out strips --dataset beaches --to s3://b/beaches
    """
    from tinyvideo.storage.datasets import SPLITS
    from tinyvideo.storage.exchange import CUT, FORMATS

    if form not in FORMATS:
        raise typer.BadParameter(f"choose one of {', '.join(FORMATS)}", param_hint="--format")
    if split and (not dataset or split not in SPLITS):
        raise typer.BadParameter(
            f"choose one of {', '.join(SPLITS)}, of a --dataset", param_hint="--split"
        )
    if shards and form not in CUT:
        raise typer.BadParameter(f"only {' and '.join(CUT)} are cut into files, not {form}")
    count = export_now(out, to, form, dataset, split, shards)
    say(f"{count} strips are in {to}")
    if json:
        write_json({"strips": count, "folder": to})
    if not count:
        end_with(ExitCode.NOT_WHOLE, "no strip was written: there is none in what was asked for")


def import_now(
    tar: Path, listing: Path | None, out: str, scene: str, *, partial: bool = False
) -> "ImportCounts":
    """Import a tarball behind a progress bar, holding the output alone.

    Raises:
        StorageError: the archive, the list or the output cannot be used.
    """
    from tinyvideo.flows.settings import code_version, read_settings
    from tinyvideo.flows.upkeep import close_books
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.flows.workers import LimitedCalls, Limits
    from tinyvideo.storage.batches import finish_shards, pack, part_path
    from tinyvideo.storage.exchange import (
        ImportCounts,
        Importer,
        judge,
        read_list,
    )
    from tinyvideo.storage.outputs import refuse_unknown_shards

    counts = ImportCounts()
    listed = None
    if listing is not None:
        names, strange = read_list(listing)
        listed = frozenset(names)
        if strange:
            counts.rejected["not_a_line"] = strange
    alone = output_at(out).alone(make=True)
    settings = read_settings()
    # Pictures are decoded where they can take nothing else down; one that is none is rejected.
    limits = Limits(memory_mb=settings.memory_limit_mb, time_s=settings.window_limit_s)
    with (
        alone as output,
        LimitedCalls(limits) as calls,
        progress("videos", lambda: _position(counts)),
    ):
        refuse_unknown_shards(output.catalog, output.store)
        finish_shards(output.catalog, output.store, output.work)
        importer = Importer(
            catalog=output.catalog,
            part_of=lambda video_id: part_path(output.work, video_id),
            code_version=code_version(),
            listed=listed,
            scene=scene,
            partial=partial,
            counts=counts,
            judged=lambda entry, scene: calls(judge, entry, scene),
        )
        importer.run(tar, lambda: pack(output.catalog, output.store, output.work))
        close_books(output)
    return counts


def export_now(
    out: str, to: str, form: str, dataset: str = "", split: str = "", files: int = 0
) -> int:
    """Export a dataset, or all committed shards; return the number of strips.

    Raises:
        StorageError: there is no shard, one cannot be read, or the place cannot be written.
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.storage.datasets import SPLITS, committed_shards, read_manifest
    from tinyvideo.storage.exchange import (
        WITHOUT_PATHS,
        Part,
        export_parts,
        rows_of_shards,
        rows_of_split,
    )
    from tinyvideo.storage.objects import open_store
    from tinyvideo.storage.shards import SCHEMA

    target, store = open_store(to), output_at(out).open_store()
    columns = SCHEMA.names if form == "hub" else WITHOUT_PATHS
    if dataset:
        manifest = read_manifest(store, dataset)
        parts = [
            Part(
                split=name,
                rows=rows_of_split(store, manifest, name, columns),
                strips=manifest.counts[name],
            )
            for name in ([split] if split else SPLITS)
            if manifest.counts[name]
        ]
    else:
        with output_at(out).open() as output:
            strips = sum(shard.strips for shard in output.catalog.shards(committed=True))
            rows = rows_of_shards(store, committed_shards(output), columns)
        parts = [Part(split="", rows=rows, strips=strips)]
    return export_parts(parts, form, target, files=files, name=dataset or "all")


def _position(counts: "ImportCounts") -> Position:
    lost: dict[str, Any] = dict(counts.rejected)
    return Position(counts.videos, None, f"{counts.strips} strips, {sum(lost.values())} rejected")
