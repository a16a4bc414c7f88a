"""A plugin of Prefect's command line: `prefect deployment run crawl-and-stabilize`, as it stands.

Prefect names a deployment FLOW/DEPLOYMENT and refuses a name without a slash. Ours bear the name
of their flow, so a bare name is read as NAME/NAME. Prefect loads the plugin by the entry point
`prefect.plugins` where plugins are enabled: in this folder by pyproject.toml, elsewhere by
PREFECT_PLUGINS_ENABLED=true. The form with the slash works everywhere.

Cost: one import when Prefect's command line starts; no call to the server.
"""

from typing import TYPE_CHECKING

from prefect.plugins import register_hook

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.plugins import HookContext


class BareNames:
    """The plugin; Prefect wants an instance, and ignores a class without a word."""

    @register_hook
    def setup_environment(self, *, ctx: "HookContext") -> None:
        """Teach Prefect's client bare names; called once, before a command runs."""
        from prefect.client.orchestration import PrefectClient  # noqa: PLC0415  only for a command

        read = PrefectClient.read_deployment_by_name

        async def read_deployment_by_name(
            client: "PrefectClient", name: str
        ) -> "DeploymentResponse":
            return await read(client, full_name(name))

        PrefectClient.read_deployment_by_name = read_deployment_by_name  # type: ignore[method-assign,assignment]


def full_name(name: str) -> str:
    """Complete a bare name: "train" is "train/train"."""
    return name if "/" in name else f"{name}/{name}"


plugin = BareNames()
