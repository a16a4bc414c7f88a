"""A plugin of Prefect's command line: `prefect deployment run crawl-and-stabilize`, as it stands.

It also finds the password of the server that `tinyvideo up` has started on this machine.

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
    from prefect.plugins import HookContext, SetupResult


class BareNames:
    """The plugin; Prefect wants an instance, and ignores a class without a word."""

    @register_hook
    def setup_environment(self, *, ctx: "HookContext") -> "SetupResult | None":
        """Teach Prefect's client bare names, and find its password; called once, at its import."""
        from prefect.client.orchestration import PrefectClient  # noqa: PLC0415  only for a command

        read = PrefectClient.read_deployment_by_name

        async def read_deployment_by_name(
            client: "PrefectClient", name: str
        ) -> "DeploymentResponse":
            return await read(client, full_name(name))

        PrefectClient.read_deployment_by_name = read_deployment_by_name  # type: ignore[method-assign,assignment]
        return _password_of(ctx.api_url)


def full_name(name: str) -> str:
    """Complete a bare name: "train" is "train/train"."""
    return name if "/" in name else f"{name}/{name}"


def _password_of(api_url: str | None) -> "SetupResult | None":
    from prefect.plugins import SetupResult  # noqa: PLC0415

    from tinyvideo.flows.server import password_for  # noqa: PLC0415
    from tinyvideo.flows.settings import read_settings  # noqa: PLC0415

    settings = read_settings().model_copy(update={"prefect_api_url": api_url})
    password = password_for(settings)
    if settings.prefect_password or not password:
        return None
    return SetupResult(env={"PREFECT_API_AUTH_STRING": password})


plugin = BareNames()
