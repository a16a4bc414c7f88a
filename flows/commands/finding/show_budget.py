"""`tinyvideo budget`: how often each host is asked, what it refused, and whether it is paused.

Also how long fetching what is left takes at the least, by the host that takes longest.

Cost: two small queries.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tinyvideo.flows.commands.output_options import Json, Out
from tinyvideo.flows.terminal import show_facts, write_json

if TYPE_CHECKING:
    from tinyvideo.storage.catalog import HostState
    from tinyvideo.storage.outputs import OutputAddress

PER_VIDEO = {
    "flickr": {"api": 2, "pages": 1, "media": 1},
    "https": {"media": 1},
    "http": {"media": 1},
}
"""Requests for one video, by where it is. Of Flickr: getInfo and getSizes, the redirect, the film;
of any other address: the film. What lies in a bucket, and folders, ask none of these hosts."""


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
    from tinyvideo.storage.catalog import count_by_scheme, count_elsewhere

    catalog = place.open_catalog()
    try:
        videos, waiting = count_elsewhere(catalog), count_by_scheme(catalog)
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
    return {
        "hosts": hosts,
        "videos": videos,
        "sources": {name: count for name, count in waiting.items() if count},
        "seconds": round(seconds_for(waiting, states)),
    }


def seconds_for(waiting: Mapping[str, int], states: "Sequence[HostState]") -> float:
    """Say how long fetching takes at the least, by the host that takes longest.

    `waiting` counts videos by where they are.
    """
    times = [0.0]
    for state in states:
        host = state.host.value
        asked = [PER_VIDEO.get(name, {}).get(host, 0) * n for name, n in waiting.items()]
        if sum(asked):
            times.append(state.paused_for_s + sum(asked) / state.rate)
    return max(times)


def _sentence(host: dict[str, Any]) -> str:
    pause = f", paused for {host['paused_for_s']:.0f} s" if host["paused_for_s"] else ""
    made = f"{host['granted']} made, {host['refused']} refused"
    return f"{host['per_second']} of {host['permitted_per_second']} a second{pause}; {made}"


def _time(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
