"""`tinyvideo budget`: how long the rest takes at the least, by hand."""

import pytest

from tinyvideo.flows.commands.finding.show_budget import describe, seconds_for, told_of_rest
from tinyvideo.pipeline.hosts.pace import Limit
from tinyvideo.pipeline.hosts.request_budget import Host
from tinyvideo.pipeline.types import VideoRecord
from tinyvideo.storage.catalog.request_accounts import HostState, PacedBudget, SharedAccounts
from tinyvideo.storage.outputs.output_address import OutputAddress


def state(host, rate, paused_for_s=0.0):
    return HostState(host=host, rate=rate, paused_for_s=paused_for_s, granted=0, refused=0)


@pytest.mark.parametrize(
    ("paused_for_s", "expected"),
    [
        (0, 2_000),  # 1,000 videos, 2 calls each, one call a second
        (1_800, 2_300),  # 1,800 s, and then 1,000 films, two a second
    ],
)
def test_the_slowest_host_decides(paused_for_s, expected):
    states = [
        state(Host.API, 1.0),
        state(Host.PAGES, 2.0),
        state(Host.MEDIA, 2.0, paused_for_s),
    ]

    assert seconds_for({"flickr": 1_000}, states) == expected
    assert seconds_for({}, states) == 0
    assert seconds_for({"s3": 1_000}, states) == 0  # asks none of them
    assert seconds_for({"https": 1_000}, states) == paused_for_s + 500  # films alone
    assert seconds_for({"file": 1_000, "other": 3}, states) == 0
    unchecked = seconds_for({"flickr": 1_000}, states, check_rights=False)  # one call each
    assert unchecked == max(1_000, paused_for_s + 500)


def test_it_is_told_what_was_asked_and_what_is_left(tmp_path):
    place = OutputAddress.at(tmp_path)
    uris = ["flickr:1", "flickr:2", "file:///three.mp4", "https://e.org/4", "s3://b/5", "s3://b/6"]
    with place.open(make=True) as output:
        for number, uri in enumerate(uris):
            output.catalog.add([VideoRecord(video_id=f"any-{number}", source="any", uri=uri)])
    accounts = SharedAccounts(place.catalog)
    budget = PacedBudget(accounts=accounts, limits={Host.API: Limit(rate=1)})
    budget.acquire(Host.API)
    budget.penalize(Host.API, 300)
    accounts.close()

    told = describe(place)

    assert told["videos"] == 5
    assert told["sources"] == {"flickr": 2, "https": 1, "s3": 2, "file": 1}
    api = told["hosts"]["api"]
    assert (api["granted"], api["refused"], api["permitted_per_second"]) == (1, 1, 1.0)
    assert 295 < api["paused_for_s"] <= 300
    assert api["per_second"] == pytest.approx(1 / 1.1 / 2, abs=1e-3)  # half as fast now
    by_source = told["seconds_by_source"]
    assert told["seconds"] == by_source["flickr"] > 300
    assert by_source["https"] <= 1  # the pause of Flickr's API is none of its business
    assert (by_source["s3"], by_source["file"]) == (0, 0)
    said = told_of_rest(told)
    assert said["flickr"].startswith("2: at least 5 min")
    assert said["https"].startswith("1, without a call to Flickr: at least")
    assert said["s3"] == "2, for which none of these hosts is asked"
    assert said["file"] == "1, which are on this machine"


def test_where_nothing_waits_that_is_said():
    told = {"sources": {}, "seconds_by_source": {}, "seconds": 0}
    assert told_of_rest(told) == {"none": "waits"}
