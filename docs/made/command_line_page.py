"""The page of the command line, made from the commands themselves each time the book is built.

A page says `<!-- made: command line -->` where it wants it. The Markdown is typer's own, so that a
new option is in the book without anybody writing it there.

Cost: half a second, for importing the commands.
"""

from typing import Any

import typer
from typer.cli import get_docs_for_click

from tinyvideo.flows.cli import app

MARK = "<!-- made: command line -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the commands in the place of the mark; mkdocs calls this for every page."""
    return markdown.replace(MARK, describe_commands()) if MARK in markdown else markdown


def describe_commands() -> str:
    """Write every command, its arguments and its options as Markdown, from heading 2 on."""
    group = typer.main.get_command(app)
    above = typer.Context(group, info_name="tinyvideo")
    # As calling does it: only what is called need have been imported.
    commands = [group.resolve_command(above, [name])[1] for name in group.list_commands(above)]
    written = [
        get_docs_for_click(obj=command, ctx=above, indent=1, call_prefix="tinyvideo")
        for command in commands
    ]
    return "\n".join(written).replace("[required]", "**required**")
