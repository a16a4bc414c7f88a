"""A configuration -> TOML with a sentence above every value, and back to tables.

Tables are nested as the dataclasses are, and the sentences are theirs. TOML has no null, so a value
that is None is written as the word "none". Reading takes the text apart and no more: what the
values mean is said in `pipeline.thresholds.threshold_tables`.

Cost: 0.1 s to write, nearly all of it for the sentences; 1 ms to read.
"""

import json
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.thresholds.field_sentences import sentences_of
from tinyvideo.pipeline.thresholds.threshold_tables import NONE, ThresholdError

_WIDTH = 100


def write_toml(config: CurationConfig) -> str:
    """Write every value of `config` as TOML, with its sentence above it."""
    return "\n".join(_table(config, "")).strip() + "\n"


def read_toml(text: str) -> dict[str, Any]:
    """Take a file apart into its tables, unjudged.

    Raises:
        ThresholdError: it is no TOML; the text says where.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, or a number of 5,000 digits
        problem = str(error)
        raise ThresholdError(f"this is no TOML: {problem[:1].lower()}{problem[1:]}") from error


def _table(config: Any, name: str) -> Iterator[str]:
    """Yield the lines of a table and of those below it; values come first, as TOML wants them."""
    sentences = sentences_of(type(config))
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    tables = {key: value for key, value in values.items() if is_dataclass(value)}
    plain = [key for key in values if key not in tables]
    if plain and name:
        yield f"[{name}]"
    for key in plain:
        yield from _comment(sentences.get(key, ""))
        yield f"{key} = {_written(values[key])}"
        yield ""
    for key, table in tables.items():
        yield from _comment(sentences.get(key, ""))
        yield from _table(table, f"{name}.{key}" if name else key)


def _comment(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _written(value: object) -> str:
    if value is None:
        return f'"{NONE}"'
    if isinstance(value, bool):
        return str(value).lower()
    # Text in JSON is text in TOML, as long as letters are left as they are.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
