"""What the terminal shows: progress bars, the books, and where things are.

Everything for people goes through one rich console on standard error, so that `--json` has
standard output to itself.

The bars are rich's, which has to be told of progress and cannot ask. Reading from within its own
refresh would hold up whoever prints meanwhile, so a thread of ours asks.

Cost: a progress bar reads its source twice a second.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

GO_ON = "stopped; run the same command again to go on"
"""What whoever stops a run should know."""

console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Position:
    """How far something has come."""

    done: int
    total: int | None
    note: str = ""


@contextmanager
def progress(title: str, read: Callable[[], Position]) -> Iterator[None]:
    """Show a bar while the block runs; `read` is asked twice a second, in a thread."""
    columns = (
        TextColumn("[bold]{task.description:<10}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    stop = threading.Event()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None, note="")

        def show() -> None:
            try:
                position = read()
            except Exception:  # a bar must never end, or hide, the work that it shows
                return
            bar.update(task, completed=position.done, total=position.total, note=position.note)

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
    table = Table(title="the books", title_style="bold", box=None, pad_edge=False)
    table.add_column()
    table.add_column("videos", justify="right")
    table.add_column("clips", justify="right")
    videos, clips = books["videos"], books["clips"]
    table.add_row("[bold]found", str(videos["found"]), str(clips["found"]))
    table.add_row("sharded", str(videos["sharded"]), str(clips["sharded"]))
    for kind in ("rejected", "failed"):
        for name in sorted({*videos[kind], *clips[kind]}):
            counts = [str(side[kind].get(name, 0)) for side in (videos, clips)]
            table.add_row(f"{kind}: {name}", *counts)
    table.add_row("pending", str(videos["pending"]), str(clips["pending"]))
    console.print(table)
    if books["balanced"]:
        console.print("[green]the books balance[/]")
    for problem in books["problems"]:
        console.print(f"[red]{problem}[/]", soft_wrap=True)


def show_facts(title: str, facts: Mapping[str, object]) -> None:
    """Print names and values, one per line."""
    console.print(f"\n[bold]{title}")
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        console.print(f"  {name:<{width}}  {value}", soft_wrap=True, markup=False)


def say(sentence: str) -> None:
    """Print one sentence."""
    console.print(sentence, soft_wrap=True, markup=False)


def write_json(document: object) -> None:
    """Print a document to standard output, for programs."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
