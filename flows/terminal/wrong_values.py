"""A value that cannot be used, said in the words of whoever gave it: options and variables.

pydantic speaks of fields and inputs, dataclasses of their own fields. Here both become
"--since: '2014-13-45' is no day; write it as 2014-01-31".

Cost: none; pydantic is imported by what raises its errors.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

OPTIONS = {"tags": "--tag", "licenses": "--license", "scenes": "--scene"}
"""Fields whose option is called otherwise."""

_KINDS = (
    (r"date", "is no day; write it as 2014-01-31"),
    (r"int_", "is no whole number"),
    (r"float_|finite_number", "is no number"),
    (r"bool_", "is neither true nor false"),
    (r"path_", "is no path"),
    (r"dict_", "is no JSON object, such as {}"),
    (r"string_", "is no text"),
    (r"extra_forbidden", "is more than is asked for: there is nothing of this name"),
)
"""What is wrong, by the beginning of pydantic's name for it."""

_LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def option_of(field: str) -> str:
    """Name the option that fills a field: `batch_videos` -> `--batch-videos`."""
    return OPTIONS.get(field, f"--{field.replace('_', '-')}")


def details_of(error: BaseException | None) -> "Sequence[ErrorDetails] | None":
    """List what pydantic has found wrong; None if the error is not pydantic's."""
    if "pydantic" not in sys.modules:  # nobody has asked it
        return None
    from pydantic import ValidationError  # noqa: PLC0415

    return error.errors() if isinstance(error, ValidationError) else None


def sentence_of(entry: "ErrorDetails", name: Callable[[str], str] = option_of) -> str:
    """Say what is wrong with one value of a model, and whose it is.

    Args:
        entry: One of `ValidationError.errors()`.
        name: Says how people call a field.
    """
    kind, context = entry["type"], entry.get("ctx", {})
    fields = [part for part in entry["loc"] if isinstance(part, str)]
    if kind == "value_error":  # a sentence of ours
        text = str(context["error"])
        if fields and text.startswith(f"{fields[-1]} must "):
            return name(fields[-1]) + text.removeprefix(fields[-1])
        return f"{name(fields[-1])}: {text}" if fields else text
    sentence = f"{entry['input']!r} {_problem(kind, context, entry['msg'])}"
    return f"{name(fields[-1])}: {sentence}" if fields else sentence


def _problem(kind: str, context: Mapping[str, Any], otherwise: str) -> str:
    if kind in _LIMITS:
        bound, words = _LIMITS[kind]
        return f"is out of range: it must be {words} {context[bound]}"
    if kind == "literal_error":
        return f"is none of {context['expected'].replace(' or ', ', ')}"
    found = (words for pattern, words in _KINDS if re.match(pattern, kind))
    return next(found, f"cannot be used: {otherwise}")


def with_option(error: ValueError) -> str:
    """Take a sentence on a field, "min_motion must be ...", for the option: "--min-motion ..."."""
    return re.sub(r"^([a-z][a-z0-9_]*) must ", lambda m: f"{option_of(m[1])} must ", str(error))
