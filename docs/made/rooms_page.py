"""The rooms of each floor, taken from the doors each time the book is built.

A page says `<!-- made: rooms -->` where it wants them. The map of a floor is the docstring of its
`__init__.py`, so that there is no second one.

Cost: reads four files; nothing is imported.
"""

import ast
from pathlib import Path
from typing import Any

MARK = "<!-- made: rooms -->"
FLOORS = ("flows", "models", "storage", "pipeline")
HERE = Path(__file__).parents[2]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the maps in the place of the mark; mkdocs calls this for every page."""
    return markdown.replace(MARK, describe_rooms()) if MARK in markdown else markdown


def describe_rooms() -> str:
    """Write the map of every floor, from the top, under a heading 3."""
    maps = ((floor, ast.parse((HERE / floor / "__init__.py").read_text())) for floor in FLOORS)
    return "\n\n".join(
        f"### {floor}\n\n```text\n{ast.get_docstring(tree) or ''}\n```" for floor, tree in maps
    )
