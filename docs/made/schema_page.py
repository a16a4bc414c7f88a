"""The page of a shard's columns, made from `storage/shards` each time the book is built.

A page says `<!-- made: schema -->` where it wants the table. Types, units and sentences come
from the Arrow schema itself, as `tinyvideo schema` prints them.

Cost: some milliseconds, and importing pyarrow.
"""

from typing import Any

from tinyvideo.storage.shards import SCHEMA, described

MARK = "<!-- made: schema -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the table in the place of the mark; mkdocs calls this for every page."""
    return markdown.replace(MARK, describe_schema()) if MARK in markdown else markdown


def describe_schema() -> str:
    """Write a table of every column: name, Arrow type, unit, what it says."""
    lines = ["| column | type | unit | what it says |", "|---|---|---|---|"]
    for told in map(described, SCHEMA):
        lines.append(
            f"| `{told['column']}` | `{told['type']}` | {told['unit']} | {told['meaning']} |"
        )
    return "\n".join(lines)
