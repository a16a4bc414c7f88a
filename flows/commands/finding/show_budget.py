"""`tinyvideo budget`: how often each host is asked, what it refused, and whether it is paused.

Also how long fetching what is left takes at the least, source by source: what asks Flickr nothing
waits for none of its hosts, and says so.

Cost: a query that reads every video that waits, 1 us each, and some small ones.
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
"""Requests for one video, by where it is. Of Flickr: getInfo (unless rights are not checked) and
getSizes, the redirect, the film; of any other address: the film. What lies in a bucket, and
folders, ask none of these hosts."""

_ASKS = {
    "https": ", without a call to Flickr",
    "http": ", without a call to Flickr",
    "s3": ", for which none of these hosts is asked",
    "file": ", which are on this machine",
    "other": ", at no address that can be asked",
}
"""What a source asks, for people."""


def budget(out: Out = "", json: Json = False) -> None:
    """Show how often Flickr's hosts are asked, and how long the rest will take at the least.

    Example: tinyvideo budget --out strips
    """
    from tinyvideo.flows.which_output import output_at  # imports SQLAlchemy

    told = describe(output_at(out))
    show_facts("requests", {name: _sentence(host) for name, host in told["hosts"].items()})
    show_facts("what is left, in videos", told_of_rest(told))
    if json:
        write_json(told)


def told_of_rest(told: Mapping[str, Any]) -> dict[str, str]:
    """Say of each source how many videos wait and how long fetching them takes at the least."""
    lines = {
        name: f"{count:,}{_ASKS.get(name, '')}"
        + (f": at least {_time(told['seconds_by_source'][name])}" if name in PER_VIDEO else "")
        for name, count in told["sources"].items()
    }
    if len(told["sources"].keys() & PER_VIDEO.keys()) > 1:
        lines["all of it"] = f"at least {_time(told['seconds'])}"
    return lines or {"none": "waits"}


def describe(place: "OutputAddress") -> dict[str, Any]:
    """Lay out the budget of an output, for JSON.

    Raises:
        SettingsError: a setting cannot be used.
        StorageError: there is no catalog, or it cannot be used.
    """
    from tinyvideo.flows.settings import read_settings
    from tinyvideo.flows.sources import shared_budget  # imports SQLAlchemy
    from tinyvideo.storage.catalog import count_by_scheme

    catalog = place.open_catalog()
    try:
        waiting = count_by_scheme(catalog)
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
    checked = read_settings().check_rights
    by_source = {
        name: round(seconds_for({name: count}, states, check_rights=checked))
        for name, count in waiting.items()
    }
    return {
        "hosts": hosts,
        "videos": sum(count for name, count in waiting.items() if name != "file"),
        "sources": waiting,
        "seconds_by_source": by_source,
        "seconds": round(seconds_for(waiting, states, check_rights=checked)),
    }


def seconds_for(
    waiting: Mapping[str, int], states: "Sequence[HostState]", *, check_rights: bool = True
) -> float:
    """Say how long fetching takes at the least, by the host that takes longest.

    `waiting` counts videos by where they are; `check_rights` is whether Flickr is asked for the
    license of each again.
    """
    times = [0.0]
    for state in states:
        host = state.host.value
        each = {name: PER_VIDEO.get(name, {}).get(host, 0) for name in waiting}
        if host == "api" and not check_rights:
            each = {name: max(0, calls - 1) for name, calls in each.items()}
        asked = sum(each[name] * count for name, count in waiting.items())
        if asked:
            times.append(state.paused_for_s + asked / state.rate)
    return max(times)


def _sentence(host: dict[str, Any]) -> str:
    pause = f", paused for {host['paused_for_s']:.0f} s" if host["paused_for_s"] else ""
    made = f"{host['granted']} made, {host['refused']} refused"
    return f"{host['per_second']} of {host['permitted_per_second']} a second{pause}; {made}"


def _time(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
