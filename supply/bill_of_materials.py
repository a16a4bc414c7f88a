"""The bill of materials of what is installed here, as CycloneDX 1.6: for whoever has to know.

    python supply/bill_of_materials.py > bill.json

Hashes come from `supply/requirements.lock`, where it has the same version. Written by hand and not
by a program of others, which would be one more part on the bill: it is forty lines of JSON.

Cost: 0.4 s.
Source: CycloneDX 1.6, the specification of its JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from installed import GPL, Package, list_installed, normal
from lock_file import LOCK, read_lock


def bill(packages: list[Package], lock: dict[tuple[str, str], list[str]]) -> dict[str, Any]:
    """Lay out the bill: a component per package, and which needs which."""
    known = {normal(package.name) for package in packages}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "tinyvideo", "bom-ref": "root"}},
        "components": [_component(package, lock) for package in packages],
        "dependencies": [
            {"ref": _ref(p), "dependsOn": [_named(n, packages) for n in p.needs if n in known]}
            for p in packages
        ],
    }


def _component(package: Package, lock: dict[tuple[str, str], list[str]]) -> dict[str, Any]:
    hashes = lock.get((normal(package.name), package.version), [])
    inside = [
        {"type": "library", "name": name, "licenses": [{"license": {"id": GPL[name]}}]}
        if name in GPL
        else {"type": "library", "name": name}
        for name in package.libraries
    ]
    return {
        "type": "library",
        "bom-ref": _ref(package),
        "name": package.name,
        "version": package.version,
        "purl": _ref(package),
        **({"licenses": [{"license": {"name": package.license}}]} if package.license else {}),
        **({"hashes": [{"alg": "SHA-256", "content": h} for h in hashes]} if hashes else {}),
        **({"components": inside} if inside else {}),
    }


def _ref(package: Package) -> str:
    return f"pkg:pypi/{normal(package.name)}@{package.version}"


def _named(name: str, packages: list[Package]) -> str:
    return next(_ref(package) for package in packages if normal(package.name) == name)


if __name__ == "__main__":
    lock = read_lock(LOCK) if LOCK.exists() else {}
    json.dump(bill(list_installed(), lock), sys.stdout, indent=1)
