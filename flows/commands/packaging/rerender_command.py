"""`tinyvideo rerender`: a dataset at another size, from films that are kept and homographies.

Every strip is cut from its film once more (`pipeline.rerender`), so that a larger one is sharper;
no camera is looked for. The new output has its own catalog and books: a video whose film is not
there any more, or is another one by now, is failed in them, with the reason in words. Run again, it
looks for those films once more, and does nothing twice.

Cost: to decode every frame up to the last clip of each film, and 0.5 to 3 ms per frame of a strip,
by size.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyvideo.flows.commands.output_options import Json, Out, place_to_write
from tinyvideo.flows.commands.threshold_options import Config, Size, curation_given
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
    from tinyvideo.flows.workers import LimitedCalls
    from tinyvideo.pipeline.curation import CurationConfig
    from tinyvideo.pipeline.types import VideoRecord
    from tinyvideo.storage.outputs import Output

SHARD_STRIPS = 1024
"""A shard is full with these; 1,024 strips of 256 pixels are about 1 GB."""


def rerender(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.", show_default=False)],
    to: Annotated[
        str,
        typer.Option(
            help="Another output: folder, or s3://BUCKET/PREFIX.", callback=place_to_write
        ),
    ],
    out: Out = "",
    size: Size = None,
    films: Annotated[
        Path | None,
        typer.Option(
            help="Folder with the films by their names; default: where they were found.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a dataset at another size, of films that are kept and stored homographies.

    The dataset has the same name and the same splits in the new output. A strip whose film is not
    there is not in it, and the books of the new output say so: the command then ends with 3.

    Example: tinyvideo rerender beaches --out strips --to large --size 256
    """
    curation = curation_given(config, size)
    counts = rerender_now(dataset, out, to, films, curation)
    show_facts(f"rendered {dataset} at {curation.strips.size} px", dict(counts))
    if json:
        write_json(dict(counts))
    if not counts["strips"] + counts["there already"]:
        end_with(ExitCode.NOT_WHOLE, f"no strip was made: 'tinyvideo failures --out {to}' says why")
    if missing := counts["strips without a film"]:
        end_with(
            ExitCode.NOT_WHOLE,
            f"{missing} strips had no film: 'tinyvideo failures --out {to}' says which; bring the "
            "films back, or name their folder with --films, and run it again",
        )
    say(f"dataset {dataset} is in {to}")


def rerender_now(
    dataset: str, out: str, to: str, films: Path | None, curation: "CurationConfig"
) -> Counter[str]:
    """Cut the strips of a dataset anew behind a progress bar; return what became of them.

    Raises:
        StorageError: the dataset, a shard or an output cannot be used.
        BadParameter: both outputs are one.
    """
    from tinyvideo.flows.settings import read_settings
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.flows.workers import LimitedCalls, Limits
    from tinyvideo.pipeline.errors import FailCause
    from tinyvideo.storage.batches import finish_shards, pack
    from tinyvideo.storage.datasets import read_manifest
    from tinyvideo.storage.exchange import rows_by_video, same_dataset, write_output_card
    from tinyvideo.storage.outputs import retry

    source, target = output_at(out), output_at(to)
    if source.address == target.address:
        raise typer.BadParameter(f"{to} is where the dataset lies: choose another")
    store = source.open_store()
    manifest = read_manifest(store, dataset)
    total = sum(manifest.counts.values())
    counts = Counter[str](videos=0, strips=0)
    settings = read_settings()
    limits = Limits(memory_mb=settings.memory_limit_mb, time_s=settings.video_limit_s)

    def position() -> Position:
        return Position(counts.total() - counts["videos"], total, "strips")

    with (
        source.open() as old,
        target.alone(make=True) as new,
        LimitedCalls(limits, writable=[_parts_of(new)]) as calls,
        progress("rendering", position),
    ):
        finish_shards(new.catalog, new.store, new.work)
        packed = 0
        retry(new.catalog.engine, [FailCause.UNREADABLE.value], timedelta(0))
        maker = Rerender(old, new, films, curation, calls)
        for video_id, rows in rows_by_video(store, manifest):
            made = maker.render(video_id, rows)
            counts[made] += len(rows)
            counts["videos"] += made == "strips"
            if made == "strips" and counts["strips"] // SHARD_STRIPS > packed:
                pack(new.catalog, new.store, new.work)
                packed = counts["strips"] // SHARD_STRIPS
        pack(new.catalog, new.store, new.work)
        if new.catalog.shards(committed=True):
            same_dataset(store, manifest, new, curation.strips.size)
            write_output_card(new)
    return counts


class Rerender:
    """Renders the strips of single videos into a new output."""

    def __init__(
        self,
        old: "Output",
        new: "Output",
        films: Path | None,
        curation: "CurationConfig",
        calls: "LimitedCalls",
    ) -> None:
        self._old, self._new, self._films = old, new, films
        self._curation, self._calls = curation, calls

    def render(self, video_id: str, rows: Sequence[dict[str, Any]]) -> str:
        """Render the strips of a video, and enter it; say what became of them."""
        from tinyvideo.pipeline.errors import ExpectedError, FailCause
        from tinyvideo.pipeline.types import ClipCounts, VideoState
        from tinyvideo.storage.catalog import states_of

        catalog = self._new.catalog
        [record] = self._old.catalog.records([video_id])
        catalog.add([record])
        if states_of(catalog, [video_id])[video_id][0] is not VideoState.PENDING:
            return "there already"
        try:
            self._write_part(record, rows)
        except ExpectedError as error:
            detail = f"{len(rows)} strips are not rendered: {error}"
            catalog.settle(video_id, VideoState.FAILED, FailCause.UNREADABLE.value, detail)
            return "strips without a film"
        catalog.enter_clips(video_id, ClipCounts(accepted=len(rows)))
        return "strips"

    def _write_part(self, record: "VideoRecord", rows: Sequence[dict[str, Any]]) -> None:
        from tinyvideo.storage.batches import part_path

        film = self._film(record, rows[0]["source_file"])
        part = part_path(self._new.work, record.video_id)
        self._calls(write_rendered, film, [*rows], part, self._curation)

    def _film(self, record: "VideoRecord", name: str | None) -> Path:
        """Find the film of a video.

        Raises:
            UnreadableError: it is not there.
        """
        from tinyvideo.pipeline.errors import UnreadableError
        from tinyvideo.pipeline.find import path_of
        from tinyvideo.storage.films import RawFolder

        if self._films is not None and name:
            film = self._films / name
            if film.is_file():
                return film
        if record.uri.startswith("file:") and (film := path_of(record.uri)).is_file():
            return film
        kept = RawFolder(self._old.work).find(record)
        if kept is None:
            raise UnreadableError(f"the film {name or record.uri} is not there")
        return kept.path


def write_rendered(
    film: Path, rows: Sequence[dict[str, Any]], part: Path, curation: "CurationConfig"
) -> None:
    """Cut the strips of `rows` from their film and write them to a part file, in this process.

    Raises:
        UnreadableError: it is another film, or the strips have no homographies.
        RejectedError: it cannot be decoded.
        StorageError: the part cannot be written.
    """
    from tinyvideo.flows.settings import code_version
    from tinyvideo.pipeline.errors import UnreadableError
    from tinyvideo.pipeline.rerender import ClipPlace, cut_strips, same_picture
    from tinyvideo.storage.exchange import resized_row
    from tinyvideo.storage.shards import ShardWriter

    strip = curation.strips
    rows = sorted(rows, key=lambda row: row["start_frame"] or 0)
    places = [ClipPlace.of_row(row) for row in rows]
    cut = cut_strips(film, places, strip.size, frames=curation.frames, quality=strip.jpeg_quality)
    with ShardWriter(part) as writer:
        for row, jpeg in zip(rows, cut, strict=True):
            if not same_picture(row["jpeg"], jpeg):
                raise UnreadableError(f"{film} does not show strip {row['strip_id']}: another film")
            writer.add(resized_row(row, jpeg, strip.size, code_version()))


def _parts_of(output: "Output") -> Path:
    from tinyvideo.storage.batches import part_path

    folder = part_path(output.work, "any").parent
    folder.mkdir(parents=True, exist_ok=True)
    return folder
