"""What is fuzzed: a good file, who reads it, and how it is damaged."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.mutations import Rng, mutate_bytes


@dataclass(frozen=True, slots=True)
class Target:
    """A good file, and who reads it."""

    good: bytes
    read: Callable[[Path], object]
    also: tuple[type[Exception], ...] = ()
    """What its docstring names besides our own errors."""

    damage: Callable[[bytes, Rng], bytes] = mutate_bytes
