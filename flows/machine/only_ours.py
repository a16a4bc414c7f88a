"""A worker runs the flows of its own package, as they are installed, and nothing else.

Prefect lets a deployment say what a worker does: steps that run a shell before the flow is loaded,
a file to load it from, and job variables or a pool that change command, environment or folder. Who
may speak to the server could so run anything on every worker. Ours takes of a deployment which of
our flows it names, and the parameters; whatever more it says is refused before anything is begun.
And the process of a run is told by its worker what to load, so that a deployment that is changed
in between changes nothing.

Cost: 4 small requests to the server per run, 20 ms.
"""

from typing import TYPE_CHECKING, Any

from tinyvideo.flows.machine.deployments import DEPLOYMENTS
from tinyvideo.pipeline.errors import ExpectedError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.flows import Flow
    from prefect.workers.process import ProcessJobConfiguration

ENTRYPOINT = "PREFECT__FLOW_ENTRYPOINT"
"""What Prefect's engine loads, where it is told; else it does all that the deployment says."""

HARMLESS = ("name", "labels", "stream_output")
"""Job variables that say how a run is shown, and not what it does."""

DECISIVE = ("command", "env", "working_dir")
"""What a pool may set, too."""

WAY_OUT = (
    "; workers of tinyvideo run its own flows only, as 'tinyvideo deploy' lays them out. For other "
    "flows start a worker of Prefect's, on a pool of their own"
)


class ForeignRunError(ExpectedError):
    """A run that asks a worker of ours for more than one of our flows."""


def entrypoint_of(deployment: "DeploymentResponse | None") -> str:
    """Name the flow of ours that a deployment is of: a module, and what is in it.

    Raises:
        ForeignRunError: it is of none, or asks for more.
    """
    if deployment is None:
        raise ForeignRunError(f"refused: the run has no deployment{WAY_OUT}")
    named = f"refused: the deployment {deployment.name!r}"
    if deployment.pull_steps:
        raise ForeignRunError(f"{named} has pull steps{WAY_OUT}")
    # Prefect writes a dot where its own prefect.yaml has a colon.
    entrypoint = (deployment.entrypoint or "").replace(":", ".")
    if entrypoint not in {each.entrypoint.replace(":", ".") for each in DEPLOYMENTS}:
        raise ForeignRunError(f"{named} names the code {deployment.entrypoint!r}{WAY_OUT}")
    return entrypoint


def require_plain(
    run: "FlowRun",
    deployment: "DeploymentResponse | None",
    configured: "ProcessJobConfiguration",
) -> None:
    """See that neither job variables nor the pool change how a run's process is started.

    `configured` is what Prefect made of both.

    Raises:
        ForeignRunError: they do.
    """
    asked = {**(deployment.job_variables or {} if deployment else {}), **(run.job_variables or {})}
    variables = {name for name, value in asked.items() if value and name not in HARMLESS}
    in_pool = {name for name in DECISIVE if getattr(configured, name)}
    for names, where in ((variables, "its job variables set"), (in_pool, "its work pool sets")):
        if names:
            listed = " and ".join(map(repr, sorted(names)))
            raise ForeignRunError(
                f"refused: {where} {listed}; workers of tinyvideo take these from where they are "
                "started: set them there"
            )


async def load_ours(run: "FlowRun") -> "Flow[Any, Any]":
    """Load the flow of a run in the worker itself, as Prefect does to look for its hooks.

    Raises:
        ForeignRunError: it is none of ours.
    """
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.flows import load_flow_from_entrypoint  # noqa: PLC0415

    async with get_client() as client:
        found = await client.read_deployment(run.deployment_id) if run.deployment_id else None
    return load_flow_from_entrypoint(entrypoint_of(found))
