"""What `tinyvideo settings` does: every setting, its value, and who has said so.

Secrets are shown as `***`, and addresses without the passwords in them.

Cost: reads the environment, and the file that TINYVIDEO_ENV_FILE names.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from tinyvideo.flows.settings import Settings, origin_of, read_settings, variable_of
from tinyvideo.flows.terminal import show_table, write_json
from tinyvideo.pipeline.masks import SECRET, masked_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One setting, fit to be shown."""

    variable: str
    value: str
    origin: str
    """`environment`, `file` or `default`."""


def show_settings(*, json: bool) -> None:
    """Print all settings with their origin, secrets masked: for people, or for programs."""
    known = list(list_settings())
    if json:
        write_json([asdict(each) for each in known])
        return
    rows = ((each.variable, each.value, each.origin) for each in known)
    show_table(("setting", "value", "from"), rows)


def list_settings() -> Iterator[Known]:
    """Name every setting, its value without secrets, and where it comes from.

    Raises:
        SettingsError: a value cannot be used.
    """
    found = read_settings()
    for name in Settings.model_fields:
        variable = variable_of(name)
        value = _masked(name, getattr(found, name))
        yield Known(variable=variable, value=value, origin=origin_of(variable))


def _masked(name: str, value: object) -> str:
    if value in (None, "", {}):
        return ""
    if SECRET.search(name):
        return "***"
    return masked_address(str(value))
