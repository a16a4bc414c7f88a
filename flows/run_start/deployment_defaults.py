"""What a run was asked for, field by field over what its deployment says.

Prefect lays the parameters of a run over those of the deployment by their names, and ours have one
name: `options`. `-p 'options={"batch_videos": 4}'` would take the folder and the output away that
`tinyvideo up` has set. So a run looks up what its deployment says, and takes from there the fields
that it was not told. Where videos come from is one wish: a run that names a source of its own takes
none from its deployment.

Cost: one request to the server per run, 5 ms.
"""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.runtime import deployment
from pydantic import BaseModel

Options = TypeVar("Options", bound=BaseModel)

SOURCES = frozenset(
    {"folder", "search", "yfcc100m", "urls", "bucket", "sources", "waiting_only"},
)
"""Fields of a crawl that say where videos come from."""

DEEP = frozenset({"config", "more"})
"""Fields that hold named values themselves, and are laid over one another by those."""


async def over_defaults(options: Options) -> Options:
    """Lay a run's options over those of its deployment; without a deployment, return them.

    Raises:
        ValidationError: the two together make no sense.
    """
    if deployment.id is None:
        return options
    async with get_client() as client:
        try:
            told = (await client.read_deployment(UUID(deployment.id))).parameters
        except ObjectNotFound:  # somebody has deleted it meanwhile
            return options
    return lay_over(options, told.get("options") or {})


def lay_over(options: Options, defaults: Mapping[str, Any]) -> Options:
    """Take from `defaults` the fields that `options` were not told.

    Raises:
        ValidationError: the two together make no sense.
    """
    asked = options.model_dump(mode="json", exclude_unset=True)
    taken = dict(defaults)
    if any(asked.get(name) for name in SOURCES):
        taken = {name: value for name, value in taken.items() if name not in SOURCES}
    for name in DEEP & asked.keys() & taken.keys():
        asked[name] = _deep(taken[name], asked[name])
    return type(options).model_validate({**taken, **asked})


def _deep(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        known = merged.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[name] = _deep(known, value)
        else:
            merged[name] = value
    return merged
