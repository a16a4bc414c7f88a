"""Take videos from a source of your own: here the index of an archive, a CSV file.

    python examples/own_source.py INDEX.csv OUT

The index has the columns `number`, `file`, `title`, `artist`, `license` and `license_url`. Each
line becomes a `VideoRecord`: an id, an address, and whose it is. `add` enters what is new, under
the rules that hold for every source: what was taken down stays away, and so does what a license
does not allow. `run` then fetches, stabilizes and writes shards; it can be run again at any time.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import tinyvideo as tv


def read_archive(index: Path) -> Iterator[tv.VideoRecord]:
    """Describe each film of the archive; none is opened."""
    with index.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            yield tv.VideoRecord(
                video_id=f"archive-{line['number']}",  # SOURCE-NAME: a takedown finds it by both
                source="archive",
                uri=(index.parent / line["file"]).absolute().as_uri(),  # or https://, or s3://
                title=line["title"],
                owner=line["artist"],  # nobody's strips are in two splits of a dataset
                license=line["license"],
                license_url=line["license_url"],
            )


out = tv.open(sys.argv[2])
print(out.add(read_archive(Path(sys.argv[1]))), "new videos")
books = out.run()
print(books["videos"])
for strip in out.strips(["strip_id", "title", "owner", "license"]):
    print(strip)
