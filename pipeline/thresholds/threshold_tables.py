"""Tables of values, as a file or a flow parameter has them <-> a configuration.

    {"stabilize": {"min_visible": 0.6}}  ->  CurationConfig with that one value changed

What is left out stays as it is. What is unknown, of another type, or refused by the dataclass that
it belongs to is told in one sentence with the name of the value. Equal values make equal
configurations, with an equal hash: 24 and 24.0 frames per second are the same.

Cost: 1 ms.
"""

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass, replace
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

from tinyvideo.pipeline.curation import CurationConfig

Config = TypeVar("Config", bound=Any)
"""A dataclass of values and of further such dataclasses."""

NONE = "none"
"""How None is written where there is no null."""

_MOST = 2**53
"""Largest whole number that is a number with a point, too, as some thresholds are."""

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class ThresholdError(ValueError):
    """A table, name or value cannot be used; the text names it."""


def curation_of(
    tables: Mapping[str, Any], *, size: int | None = None, method: str | None = None
) -> CurationConfig:
    """Take today's values, those of `tables` in their place, and then `size` and `method`.

    The method of 2016 works on full-size frames. So `frames.working_px`, where nobody says it, is
    what belongs to the method; so it is where `method` is another than that of the tables.

    Raises:
        ThresholdError: one of the tables' values cannot be used.
        ValueError: there is no such size or method.
    """
    config = _merged(CurationConfig(), tables, "")
    if "working_px" not in tables.get("frames", {}):
        config = _at_usual_size(config)
    if method not in {None, config.stabilize.method}:
        stabilize = replace(config.stabilize, method=method)
        config = _at_usual_size(replace(config, stabilize=stabilize))
    if size is not None:
        config = replace(config, strips=replace(config.strips, size=size))
    return config


def tables_of(config: CurationConfig) -> dict[str, Any]:
    """Lay out every value in tables, as JSON can hold them; the way back is `curation_of`."""
    return asdict(config)


def list_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say in which values two complete layouts differ: "stabilize.min_visible was 0.5, is 0.6"."""
    old, new = dict(_leaves(before)), dict(_leaves(now))
    return [
        f"{name} was {old.get(name, 'not there')}, is {new.get(name, 'not there')}"
        for name in dict.fromkeys([*old, *new])
        if (name in old) != (name in new) or old.get(name) != new.get(name)
    ]


def _at_usual_size(config: CurationConfig) -> CurationConfig:
    usual = CurationConfig.of(size=config.strips.size, method=config.stabilize.method)
    frames = replace(config.frames, working_px=usual.frames.working_px)
    return replace(config, frames=frames)


def _merged(config: Config, tables: object, table: str) -> Config:
    """Put values in the place of those of `config`, which the user knows as `table`."""
    if not isinstance(tables, Mapping):
        raise ThresholdError(f"{table} must be a table of values, got {tables!r}")
    kinds = get_type_hints(type(config))
    changes: dict[str, object] = {}
    for key, value in tables.items():
        name = f"{table}.{key}" if table else str(key)
        if key not in kinds:
            raise ThresholdError(_unknown(name, value))
        now = getattr(config, key)
        if is_dataclass(now):
            changes[key] = _merged(now, value, name)
        else:
            changes[key] = _checked(value, now, kinds[key], name)
    try:
        return replace(config, **changes)
    except ValueError as error:
        named = str(error).partition(" ")[0] in kinds
        raise ThresholdError(f"{table}{'.' if named else ': '}{error}") from error


def _checked(value: object, now: object, kind: Any, name: str) -> object:
    """Return `value` in its field's type; what equals the value of today is that itself."""
    allowed = get_args(kind) or (kind,)
    if NoneType in allowed and (value is None or value == NONE):
        return None
    if isinstance(value, int | float) and not 0 <= value < math.inf:
        raise ThresholdError(f"{name} must be finite and not negative, got {value}")
    if isinstance(value, int) and value > _MOST:
        raise ThresholdError(f"{name} must be below {_MOST:,}, got {str(value)[:20]}...")
    if type(value) is int and int not in allowed and float in allowed:
        value = float(value)
    if type(value) not in allowed:
        words = [_KINDS[each] for each in allowed if each in _KINDS]
        words += [f'"{NONE}"'] if NoneType in allowed else []
        raise ThresholdError(f"{name} must be {' or '.join(words)}, got {value!r}")
    return now if value == now else value


def _unknown(name: str, value: object) -> str:
    known = dict(_leaves(tables_of(CurationConfig())))
    if isinstance(value, Mapping):
        known = {key.rpartition(".")[0]: None for key in known}
    # The right name in the wrong table is likelier than another name.
    near = [key for key in known if key.rpartition(".")[2] == name.rpartition(".")[2]]
    near = near or difflib.get_close_matches(name, known, n=1)
    what = "table" if isinstance(value, Mapping) else "threshold"
    if near:
        return f"there is no {what} {name}; did you mean {' or '.join(near)}?"
    return f"there is no {what} {name}; 'tinyvideo config' prints all"


def _leaves(tables: Mapping[str, Any], table: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{table}{key}.")
        else:
            yield f"{table}{key}", value
