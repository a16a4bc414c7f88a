"""The page of licenses, made from what is installed each time the book is built.

A page says `<!-- made: licenses -->` where it wants the table.

Cost: 0.3 s.
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "supply"))

from installed import GPL, Package, list_installed

MARK = "<!-- made: licenses -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the table in the place of the mark; mkdocs calls this for every page."""
    return markdown.replace(MARK, describe_licenses()) if MARK in markdown else markdown


def describe_licenses() -> str:
    """Write a table of every package, its license, and the libraries that its wheel brings."""
    lines = ["| package | version | license | libraries in its wheel |", "|---|---|---|---|"]
    return "\n".join([*lines, *(_row(package) for package in list_installed())])


def _row(package: Package) -> str:
    inside = ", ".join(f"**{n} ({GPL[n]})**" if n in GPL else n for n in package.libraries)
    cells = (package.name, package.version, package.license or "not said", inside)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
