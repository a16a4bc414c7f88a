"""JSON from outside: read within a limit, and every way of being none is one kind of error.

Python's parser ends in three ways besides its own error: bytes that are no UTF-8, a nest deeper
than its stack, a number of more digits than it takes. And a file has to be read before it can be
refused, so no more of it is read than the limit.

Cost: that of `json`; JSON of 64 MB takes 0.5 GB once it is parsed.
"""

import json
from pathlib import Path
from typing import Any

MOST_BYTES = 2**26
"""Largest document that is read. Ours: manifests of 10,000 shards have 1 MB."""


def read_json(path: Path, most_bytes: int = MOST_BYTES) -> Any:
    """Read a file of JSON.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is too large, or no JSON.
    """
    with path.open("rb") as file:
        return parse_json(file.read(most_bytes + 1), most_bytes)


def parse_json(content: bytes | str, most_bytes: int = MOST_BYTES) -> Any:
    """Parse JSON.

    Raises:
        ValueError: it is too large, or no JSON.
    """
    if len(content) > most_bytes:
        raise ValueError(f"it has more than {most_bytes} bytes")
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
