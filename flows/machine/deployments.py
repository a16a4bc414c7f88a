"""The deployments: which flow waits on which pool, for `tinyvideo up` and for whoever has no yaml.

    crawl-and-stabilize   cpu, queue `flows`     finds videos and hands out batches; waits mostly
    make-shard            cpu, queue `shards`    one batch -> one shard; one at a time
    build-dataset         cpu, queue `flows`
    train                 gpu                    one at a time per machine

`prefect.yaml` says the same for `prefect deploy --all`; a test holds the two together. The entry
points are modules and there is nothing to pull, so any machine with the package can run them.
Two queues, because a crawl that waits for its batches must not take the place of one of them.

Cost: 0.1 s per deployment, and 2 s of processor time to import the flows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tinyvideo.flows.machine.automations import TAG
from tinyvideo.flows.server import ServerError
from tinyvideo.flows.settings import code_version

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

CPU, GPU = "cpu", "gpu"
FLOWS, SHARDS, TRAINING = "flows", "shards", "training"

POOLS = {
    CPU: ("Machines that find, stabilize and pack.", (FLOWS, SHARDS)),
    GPU: ("Machines that train.", (TRAINING,)),
}
"""What a pool is for, and its queues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A flow that waits on a pool to be started; the deployment bears the flow's name."""

    name: str
    module: str
    """Where the flow is, under its name with underscores."""

    pool: str
    queue: str
    description: str
    """Shown in Prefect's page."""

    @property
    def entrypoint(self) -> str:
        """Name the flow for Prefect: a module and what is in it."""
        return f"{self.module}:{self.name.replace('-', '_')}"


DEPLOYMENTS = (
    Waiting(
        name="crawl-and-stabilize",
        module="tinyvideo.flows.crawl_and_stabilize",
        pool=CPU,
        queue=FLOWS,
        description="Find videos and turn them into shards of stabilized, tagged strips. Run it "
        "again at any time: it does what is missing.",
    ),
    Waiting(
        name="make-shard",
        module="tinyvideo.flows.make_shard",
        pool=CPU,
        queue=SHARDS,
        description="Curate one batch of videos and commit its strips as one shard. Started by "
        "crawl-and-stabilize.",
    ),
    Waiting(
        name="build-dataset",
        module="tinyvideo.flows.build_dataset",
        pool=CPU,
        queue=FLOWS,
        description="Choose strips of the committed shards as a named dataset, split by owner.",
    ),
    Waiting(
        name="train",
        module="tinyvideo.flows.train_on_pool",
        pool=GPU,
        queue=TRAINING,
        description="Train a VGAN on a dataset; goes on where the newest checkpoint left off.",
    ),
)


def load_flows() -> None:
    """Import what `deploy_all` needs, which takes seconds: best done while a server starts."""
    for waiting in DEPLOYMENTS:
        import_module(waiting.module)


async def make_pools(client: "PrefectClient") -> None:
    """Make pools and queues; those that exist are left as somebody may have set them."""
    for pool, (description, queues) in POOLS.items():
        await _make_pool(client, pool, description)
        for queue in queues:
            await _make_queue(client, pool, queue)


async def deploy_all(
    client: "PrefectClient",
    parameters: Mapping[str, Mapping[str, Any]],
    otherwise: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Make or renew the deployments: ours is the code, the operator's all that he has set.

    `parameters` are what their runs are told, by deployment; `otherwise` what they are told where
    neither this nor an earlier call, nor the operator, has said it. Schedules, limits, pauses and
    further tags stay.
    """
    for waiting in DEPLOYMENTS:
        told, unsaid = parameters.get(waiting.name, {}), otherwise.get(waiting.name, {})
        await _deploy(client, waiting, told, unsaid)


async def require_current(client: "PrefectClient") -> None:
    """See that the deployments of this server are of this version, and name flows that it has.

    Raises:
        ServerError: one was made by another version; its runs would fail, or be refused.
    """
    from prefect.exceptions import ObjectNotFound  # noqa: PLC0415

    for waiting in DEPLOYMENTS:
        try:
            found = await client.read_deployment_by_name(f"{waiting.name}/{waiting.name}")
        except ObjectNotFound:
            continue
        # Prefect writes a dot where its own prefect.yaml has a colon.
        if (found.entrypoint or "").replace(":", ".") != waiting.entrypoint.replace(":", "."):
            raise ServerError(
                f"the deployment {waiting.name} at {client.api_url} was made by tinyvideo "
                f"{found.version or 'of another version'} and names {found.entrypoint}, which "
                f"tinyvideo {code_version()} does not have; renew it with 'tinyvideo deploy'"
            )
        if sentence := other_version(found.version):
            raise ServerError(f"the deployment {waiting.name} at {client.api_url} {sentence}")


def other_version(asked: str | None) -> str:
    """Say that `asked` is another version of tinyvideo than this one; empty where it is not.

    What is no version of ours, as Prefect's own `deploy` may write, says nothing.
    """
    here = code_version()
    if not asked or asked == here or not _VERSION.match(asked):
        return ""
    return (
        f"asks for tinyvideo {asked}, and this worker has {here}: it takes no runs; install "
        f"tinyvideo {asked} on it, or call 'tinyvideo deploy' with {here}"
    )


_VERSION = re.compile(r"\d+(\.\d+)+")


async def _make_pool(client: "PrefectClient", name: str, description: str) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate  # noqa: PLC0415  after the server
    from prefect.exceptions import ObjectAlreadyExists  # noqa: PLC0415
    from prefect.workers.process import ProcessWorker  # noqa: PLC0415

    template = ProcessWorker.get_default_base_job_template()
    pool = WorkPoolCreate(
        name=name, description=description, type="process", base_job_template=template
    )
    try:
        await client.create_work_pool(pool)
    except ObjectAlreadyExists:
        return


async def _make_queue(client: "PrefectClient", pool: str, name: str) -> None:
    from prefect.exceptions import ObjectAlreadyExists  # noqa: PLC0415

    try:
        await client.create_work_queue(name=name, work_pool_name=pool)
    except ObjectAlreadyExists:
        return


async def _deploy(
    client: "PrefectClient", waiting: Waiting, told: Mapping[str, Any], unsaid: Mapping[str, Any]
) -> None:
    from prefect.client.schemas.actions import DeploymentUpdate  # noqa: PLC0415  after the server
    from prefect.exceptions import ObjectNotFound  # noqa: PLC0415
    from prefect.types.entrypoint import EntrypointType  # noqa: PLC0415

    flow = getattr(import_module(waiting.module), waiting.name.replace("-", "_"))
    made = await flow.ato_deployment(
        name=waiting.name,
        description=waiting.description,
        version=code_version(),
        parameters=laid_over(unsaid, told),
        tags=[TAG],
        work_pool_name=waiting.pool,
        work_queue_name=waiting.queue,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    try:
        known = await client.read_deployment_by_name(f"{waiting.name}/{waiting.name}")
    except ObjectNotFound:
        await made.aapply()
        return
    # Not `aapply`, which takes away what it is not told: schedules, limits and pauses.
    renewed = DeploymentUpdate(
        version=made.version,
        description=made.description,
        parameters=laid_over(laid_over(unsaid, known.parameters), told),
        tags=[*known.tags, *(tag for tag in (TAG,) if tag not in known.tags)],
        work_pool_name=waiting.pool,
        work_queue_name=waiting.queue,
        entrypoint=made.entrypoint,
        pull_steps=[],
        parameter_openapi_schema=made._parameter_openapi_schema.model_dump(exclude_unset=True),
    )
    await client.update_deployment(known.id, renewed)


def laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay parameters over others, `options` field by field."""
    both = {**under, **over}
    if "options" in both:
        both["options"] = {**(under.get("options") or {}), **(over.get("options") or {})}
    return both
