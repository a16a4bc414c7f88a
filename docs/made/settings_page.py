"""The page of the settings, made from `flows/settings.py` each time the book is built.

A page says `<!-- made: settings -->` where it wants the table. Names, defaults and limits come from
the model, the sentences from the text under each field, which Python does not keep: so the source
is read as well. Fields that stand together share the text below the last of them.

Cost: some milliseconds.
"""

import ast
import inspect
import types
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from tinyvideo.flows.settings import Settings, variable_of

MARK = "<!-- made: settings -->"

_NAMES = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the table in the place of the mark; mkdocs calls this for every page."""
    return markdown.replace(MARK, describe_settings()) if MARK in markdown else markdown


def describe_settings() -> str:
    """Write a table of every setting: variable, kind, default, what it does."""
    told = dict(texts_of_fields(Settings))
    lines = ["| variable | kind | default | what it does |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        cells = (f"`{variable_of(name)}`", kind_of(field), default_of(name, field), told[name])
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def texts_of_fields(model: type) -> Iterator[tuple[str, str]]:
    """Yield the name of every field with the sentence that stands below it."""
    waiting: list[str] = []
    body = ast.parse(inspect.getsource(model)).body[0]
    for node in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            waiting.append(node.target.id)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = " ".join(str(node.value.value).split())
            yield from ((name, text) for name in waiting)
            waiting = []


def kind_of(field: FieldInfo) -> str:
    """Name the type of a setting in words, with its limits."""
    limits = [_limit(limit) for limit in field.metadata]
    return ", ".join([_word(field.annotation), *filter(None, limits)])


def default_of(name: str, field: FieldInfo) -> str:
    """Write out what holds where nobody has said anything."""
    if name == "workers":
        return "one per core"
    value = field.get_default(call_default_factory=True)
    return "" if value in (None, "", {}) else f"`{value}`"


def _word(kind: Any) -> str:
    if isinstance(kind, types.UnionType):
        return _word(next(part for part in get_args(kind) if part is not type(None)))
    if get_origin(kind) is dict:
        return "JSON"
    return _NAMES.get(kind.__name__, "path")


def _limit(limit: Any) -> str:
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return ", ".join(
        f"{says} {getattr(limit, n)}" for n, says in words.items() if hasattr(limit, n)
    )
