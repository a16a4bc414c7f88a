"""The table of exit codes, made from `flows/terminal/exit_codes.py` each time the book is built.

A page says `<!-- made: exit codes -->` where it wants the table.

Cost: some milliseconds.
"""

from typing import Any

from tinyvideo.flows.terminal.exit_codes import MEANINGS

MARK = "<!-- made: exit codes -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the table in the place of the mark; mkdocs calls this for every page."""
    return markdown.replace(MARK, describe_exit_codes()) if MARK in markdown else markdown


def describe_exit_codes() -> str:
    """Write a table of every code and what it means."""
    rows = [f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(["| code | what it means |", "|---|---|", *rows])
