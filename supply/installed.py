"""What is installed here: every package with its version, license, and the libraries in its wheel.

Wheels bring libraries of other people along, under licenses that the package's own does not tell:
those of PyAV hold x264 and x265, which are under the GPL. So what lies in `NAME.libs` is listed
too.

Cost: 0.3 s for 250 packages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import PurePosixPath

GPL = {"libx264": "GPL-2.0-or-later", "libx265": "GPL-2.0-or-later"}
"""Libraries in wheels whose license asks more of whoever passes them on than the package's own."""

_LIBRARY = re.compile(r"(lib[A-Za-z0-9_+]+?)(?:[-.].*)?\.so")


@dataclass(frozen=True, slots=True)
class Package:
    """One installed package."""

    name: str
    version: str
    license: str
    """As its own metadata say: an SPDX expression, a name, or empty."""

    home: str
    """Address of its page; empty where it names none."""

    needs: tuple[str, ...]
    """Names of what it cannot work without."""

    libraries: tuple[str, ...]
    """Shared libraries of others that its wheel brings along."""


def list_installed(without: str = "tinyvideo") -> list[Package]:
    """List all packages but one, by name."""
    found = {normal(d.metadata["Name"]): d for d in distributions() if d.metadata["Name"]}
    return [_package(found[name]) for name in sorted(found) if name != without]


def normal(name: str) -> str:
    """Write the name of a package as indexes do."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _package(found: Distribution) -> Package:
    told = found.metadata
    needs = (re.match(r"[A-Za-z0-9._-]+", need) for need in found.requires or () if ";" not in need)
    return Package(
        name=told["Name"],
        version=found.version,
        license=_license(found),
        home=told.get("Home-page") or "",
        needs=tuple(sorted({normal(match[0]) for match in needs if match})),
        libraries=tuple(sorted(set(_libraries(found)))),
    )


def _license(found: Distribution) -> str:
    told = found.metadata
    if expression := told.get("License-Expression"):
        return str(expression)
    named = [c.split(" :: ")[-1] for c in told.get_all("Classifier") or () if c[:7] == "License"]
    if named := [name for name in named if name != "OSI Approved"]:
        return ", ".join(named)
    first = (
        str(told.get("License") or "").strip().splitlines()[:1]
    )  # some put all of its text there
    return first[0][:80] if first else ""


def _libraries(found: Distribution) -> Iterator[str]:
    for file in found.files or ():
        path = PurePosixPath(str(file))
        if any(part.endswith(".libs") for part in path.parts[:-1]):
            match = _LIBRARY.match(path.name)
            yield match[1] if match else path.name
