"""What the terminal shows: progress bars, the books, and where things are.

Everything for people goes to standard error, so that `--json` has standard output to itself.
Bars, tables and the books go through one rich console, which is made when the first of them is
shown: a command that prints one sentence does not import rich. What is printed may hold texts of
strangers, so rich gets no markup of ours, and every text passes `printable`.

The bars are rich's, which has to be told of progress and cannot ask. Reading from within its own
refresh would hold up whoever prints meanwhile, so a thread of ours asks.

Cost: a progress bar reads its source twice a second; rich takes 0.1 s to import.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tinyvideo.flows.terminal.strangers_words import json_text, printable, tame
from tinyvideo.flows.terminal.time_left import Pace, clock_time
from tinyvideo.pipeline.masks import masked

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_made: list["Console"] = []


@dataclass(frozen=True, slots=True)
class Position:
    """How far something has come."""

    done: int
    total: int | None
    note: str = ""


@contextmanager
def progress(title: str, read: Callable[[], Position]) -> Iterator[None]:
    """Show a bar while the block runs; `read` is asked twice a second, in a thread."""
    stop, pace = threading.Event(), Pace()
    with _bar() as bar:
        task = bar.add_task(title, total=None, note="", left="")

        def show() -> None:
            try:
                position = read()
            except Exception:  # a bar must never end, or hide, the work that it shows
                return
            left = pace.left(position.done, position.total)
            bar.update(
                task,
                completed=position.done,
                total=position.total,
                note=tame(position.note),
                left=left,
            )

        def follow() -> None:
            while not stop.wait(0.5):
                show()

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            show()


def _bar() -> "Progress":
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    return Progress(
        TextColumn("{task.description:<10}", style="bold", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", style="none", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", style="none", markup=False),
        console=_console(),
    )


def waiting(title: str, note: str) -> AbstractContextManager[None]:
    """Show a bar for a block that cannot say how far it has come."""
    return progress(title, lambda: Position(0, None, note))


@contextmanager
def counted(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar for a block that reports how much of how much is done."""
    position = Position(0, None)

    def count(done: int, total: int) -> None:
        nonlocal position
        position = Position(done, total)

    with progress(title, lambda: position):
        yield count


def show_books(books: Mapping[str, Any]) -> None:
    """Print the books of a catalog, in videos and in clips."""
    videos, clips = books["videos"], books["clips"]
    rows = [("found", str(videos["found"]), str(clips["found"]))]
    rows.append(("sharded", str(videos["sharded"]), str(clips["sharded"])))
    for kind in ("rejected", "failed"):
        for name in sorted({*videos[kind], *clips[kind]}):
            counts = [str(side[kind].get(name, 0)) for side in (videos, clips)]
            rows.append((f"{kind}: {name}", counts[0], counts[1]))
    rows.append(("pending", str(videos["pending"]), str(clips["pending"])))
    show_table(("", "videos>", "clips>"), rows, title="the books")
    if books["balanced"]:
        _print("the books balance", style="green")
    for problem in books["problems"]:
        _print(problem, style="red")
    for bad in books.get("bad_lines", ()):
        _print(f"{bad['count']} lines are no videos: {bad['named_in']} names each", style="yellow")


def tell_pace(pace: Mapping[str, Any]) -> dict[str, str]:
    """Say how far a crawl has come and how fast it goes, as far as its catalog knows."""
    told = {}
    if films := pace["films_fetched"]:
        told["bytes fetched"] = f"{pace['bytes_fetched'] / 1e6:,.1f} MB, of {films:,} films"
    if pace["videos_per_hour"] is not None:
        told["videos per hour"] = f"{pace['videos_per_hour']:,.1f}"
    if pace["looking_since"] is not None:
        told["time left"] = f"not known: since {pace['looking_since']}, more videos are looked for"
    elif pace["seconds_left"]:
        told["time left"] = f"{clock_time(pace['seconds_left'])}, for {pace['waiting']:,} videos"
    return told


def show_table(titles: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print a table; a title that ends with > is that of a column of numbers."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    named = Text(printable(title)) if title else None
    table = Table(title=named, title_style="bold", box=None, pad_edge=False)
    for name in titles:
        is_number = name.endswith(">")
        table.add_column(
            name.rstrip(">"), justify="right" if is_number else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    _console().print(table)


def show_facts(title: str, facts: Mapping[str, object]) -> None:
    """Print names and values, one per line."""
    say(f"\n{tame(title)}")
    names = [tame(name) for name in facts]
    width = max(map(len, names), default=0)
    for name, value in zip(names, facts.values(), strict=True):
        # Further lines of a value are set in: none of them may look like one of ours.
        text = str(value).replace("\r\n", "\n").replace("\n", f"\n{' ' * (width + 4)}")
        say(f"  {name:<{width}}  {text}")


def say(sentence: str) -> None:
    """Print one sentence, without the passwords in it; above a bar, where there is one."""
    sentence = masked(sentence)
    if _made:
        _print(sentence)
    else:
        sys.stderr.write(f"{printable(sentence)}\n")


def _print(text: str, style: str = "") -> None:
    from rich.text import Text  # noqa: PLC0415

    _console().print(Text(printable(text), style=style), soft_wrap=True)


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    if not _made:
        _made.append(Console(stderr=True, highlight=False))
    return _made[0]


def write_json(document: object) -> None:
    """Print a document to standard output, for programs."""
    sys.stdout.write(f"{json_text(document, sys.stdout.encoding or 'utf-8')}\n")
