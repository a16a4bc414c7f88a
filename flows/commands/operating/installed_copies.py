"""Which copy of tinyvideo runs, and where others lie that may be meant.

There may be several: a clone, a wheel in site-packages, an environment of another Python. Which
one runs is decided by the folder (`python -m`), by PYTHONPATH, and by PATH, where the first command
`tinyvideo` wins. The version comes from what is installed, and the code may come from elsewhere.

Cost: looks at each folder of `sys.path` and of PATH.
"""

import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

NAME = "tinyvideo"


def running_copy() -> Path:
    """Name the folder whose code runs: a clone, or site-packages."""
    # Not by `import tinyvideo`: the front door stands above the command line.
    return Path(str(sys.modules[NAME].__file__)).resolve().parents[1]


def other_copies() -> list[Path]:
    """Name the folders of other copies: on the import path, installed, or first in PATH."""
    found = {*_importable(), *_installed(), *_commands()}
    return sorted(found - {running_copy(), Path(sysconfig.get_path("scripts")).resolve()})


def _importable() -> Iterator[Path]:
    for entry in sys.path:
        folder = Path(entry or ".").resolve()
        if (folder / NAME / "__init__.py").is_file():
            yield folder


def _installed() -> Iterator[Path]:
    for distribution in distributions(name=NAME):
        yield _editable(distribution) or Path(str(distribution.locate_file(""))).resolve()


def _editable(distribution: Distribution) -> Path | None:
    """Name the clone that a distribution only points to; None if it holds the code itself."""
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return None
    if not origin.get("dir_info", {}).get("editable"):
        return None
    return Path(url2pathname(urlsplit(origin["url"]).path)).resolve()


def _commands() -> Iterator[Path]:
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        command = Path(entry) / NAME
        if entry and command.is_file() and os.access(command, os.X_OK):
            yield command.resolve().parent
