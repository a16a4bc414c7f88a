"""`tinyvideo budget`: how often each host is asked, what it refused, and whether it is paused.

Also how long fetching what is left takes at the least, by the host that takes longest.

Cost: two small queries.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tinyvideo.flows.commands.output_options import Json, Out
from tinyvideo.flows.terminal import show_facts, write_json

if TYPE_CHECKING:
    from tinyvideo.storage.catalog import HostState
    from tinyvideo.storage.outputs import OutputAddress

PER_VIDEO = {"api": 2, "pages": 1, "media": 1}
"""Requests for one Flickr video: getInfo and getSizes, the redirect, the film."""


def budget(out: Out = "", json: Json = False) -> None:
    """Show how often Flickr's hosts are asked, and how long the rest will take at the least.

    Example: tinyvideo budget --out strips
    """
    from tinyvideo.flows.which_output import output_at  # imports SQLAlchemy

    told = describe(output_at(out))
    show_facts("requests", {name: _sentence(host) for name, host in told["hosts"].items()})
    show_facts("what is left", {"videos": told["videos"], "at least": _time(told["seconds"])})
    if json:
        write_json(told)


def describe(place: "OutputAddress") -> dict[str, Any]:
    """Lay out the budget of an output, for JSON.

    Raises:
        StorageError: there is no catalog, or it cannot be used.
    """
    from tinyvideo.flows.sources import shared_budget  # imports SQLAlchemy
    from tinyvideo.storage.catalog import count_elsewhere

    catalog = place.open_catalog()
    try:
        videos = count_elsewhere(catalog)
    finally:
        catalog.close()
    with shared_budget(place) as shared:
        states = shared.states()
    hosts = {
        state.host.value: {
            "permitted_per_second": round(shared.limits[state.host].rate, 3),
            "per_second": round(state.rate, 3),
            "paused_for_s": round(state.paused_for_s, 1),
            "granted": state.granted,
            "refused": state.refused,
        }
        for state in states
    }
    return {"hosts": hosts, "videos": videos, "seconds": round(seconds_for(videos, states))}


def seconds_for(videos: int, states: "Sequence[HostState]") -> float:
    """Say how long fetching `videos` takes at the least, by the host that takes longest."""
    if not videos:
        return 0.0
    return max(s.paused_for_s + videos * PER_VIDEO[s.host.value] / s.rate for s in states)


def _sentence(host: dict[str, Any]) -> str:
    pause = f", paused for {host['paused_for_s']:.0f} s" if host["paused_for_s"] else ""
    made = f"{host['granted']} made, {host['refused']} refused"
    return f"{host['per_second']} of {host['permitted_per_second']} a second{pause}; {made}"


def _time(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
