"""A list of a million lines, one in a hundred of them bad: what entering it takes.

    python -m benchmarks.crawls.long_list                    a tenth of it, and then all of it
    python -m benchmarks.crawls.long_list --lines 100000     another length
    python -m benchmarks.crawls.long_list --no-results       leaves RESULTS.md as it is

`tinyvideo crawl` reads a CSV into a new output, in a process of its own. Seconds of processor time
say what it costs on any machine, however busy; those by the clock are of this one. Memory is flat
if ten times the lines take no more of it. Each bad line has to be named by its number, and no
other: that is looked at, and the program ends with what is wrong.

Cost: 5 to 15 minutes for a million, by how busy the machine is, and 0.5 GB of disk.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tinyvideo.storage.outputs.output_address import OutputAddress

BAD = (
    "https://[bad/,CC BY 2.0,owner,no host",
    "nothing at all",
    "https://films.example.org/x.mp4,CC BY 2.0,a,b,one field too many",
    'https://films.example.org/y.mp4,"a quote that does not end',
)
"""Lines that are no videos, in turn."""

ONE_IN = 100


def write_list(path: Path, lines: int) -> set[int]:
    """Write a list below a line of names; return the numbers of the bad lines."""
    bad: set[int] = set()
    with path.open("w", encoding="utf-8") as file:
        file.write("url,license,owner,title\n")
        for number in range(2, lines + 2):  # as an editor counts them
            if number % ONE_IN == 7:
                file.write(f"{BAD[number // ONE_IN % len(BAD)]}\n")
                bad.add(number)
            else:
                address = f"https://films.example.org/{number:07d}.mp4"
                file.write(f'{address},CC BY 2.0,owner{number % 50_000},"Film {number}"\n')
    return bad


def enter(lines: int, folder: Path) -> list[str]:
    """Enter a list; return its row of the table.

    Raises:
        RuntimeError: it was not entered as it should be.
    """
    listing, out = folder / f"{lines}.csv", folder / f"out-{lines}"
    bad = write_list(listing, lines)
    command = ["-m", "tinyvideo.flows.cli", "crawl", "--urls", str(listing), "--out", str(out)]
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if child.returncode:
        raise RuntimeError(f"the crawl ended with {child.returncode}")
    check(out, lines, bad)
    processor_s = used.ru_utime + used.ru_stime
    return [
        f"{lines:,}",
        f"{len(bad):,}",
        f"{processor_s:.0f}",
        f"{seconds:.0f}",
        f"{1e6 * processor_s / lines:.0f}",
        f"{used.ru_maxrss / 1024:.0f}",
    ]


def check(out: Path, lines: int, bad: set[int]) -> None:
    """See that every line was entered, or named.

    Raises:
        RuntimeError: with what is wrong.
    """
    (named,) = out.glob("bad-lines-of-*.txt")
    told = {int(number) for number in re.findall(r"^line (\d+): ", named.read_text(), re.MULTILINE)}
    with OutputAddress.at(out).open() as output:
        books = output.catalog.books()
    if told != bad or books.videos.found != lines - len(bad) or not books.balanced:
        raise RuntimeError(f"{books.videos.found} entered, {len(told ^ bad)} named wrongly")


def report(rows: Sequence[Sequence[str]]) -> str:
    """Lay out the table."""
    heads = ("lines", "bad", "processor, s", "by the clock, s", "per line, us", "memory, MB")
    table = [heads, ["---:"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in table)


def main() -> None:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--no-results", action="store_true")
    wanted = parser.parse_args()
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        rows = [enter(lines, Path(folder)) for lines in (wanted.lines // 10, wanted.lines)]
    table = report(rows)
    body = (
        "`python -m benchmarks.crawls.long_list`: `tinyvideo crawl` with a CSV, one line in "
        f"{ONE_IN} of which\nis no video; {os.cpu_count()} cores with a load of {busy:.0f} "
        f"before. Every bad line was named by its number.\n\n{table}"
    )
    print(body)
    if not wanted.no_results:
        # Late: a child's memory counts from what its parent had, and this one imports a lot.
        from benchmarks.stages import put_into_results  # noqa: PLC0415

        put_into_results("A list of a million lines", body)


if __name__ == "__main__":
    main()
