"""The crawl, by the unmodified flickrapi, of an imitation of Flickr with all its vices."""

import json
import logging
from pathlib import Path

import pytest

from tests.flickr.conftest import Imitate
from tinyvideo.flows import cli
from tinyvideo.flows.imitation.faults import FaultConfig
from tinyvideo.flows.imitation.flickr_server import KEY, SECRET, Imitation
from tinyvideo.flows.imitation.population import WORDS, Population, PopulationConfig
from tinyvideo.flows.imitation.search_answers import SearchConfig, find
from tinyvideo.flows.imitation.vices import Vice
from tinyvideo.pipeline.find.flickr_query import Query
from tinyvideo.pipeline.hosts.licenses import SHIPPED, allowed_numbers
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.search_coverage import summarize
from tinyvideo.storage.catalog.video_catalog import Catalog

STEADY = SearchConfig(total_error=0, unsteady_pages=0)

YEARS = ("--since", "2014-01-01", "--until", "2016-01-01")
ALLOWED = allowed_numbers(SHIPPED)


@pytest.fixture(scope="module")
def population() -> Population:
    return Population(PopulationConfig(videos=12_000, seed=3))


def findable(population: Population, **words: str) -> set[str]:
    query = Query(licenses=ALLOWED, **words)
    since, until = population.config.since, population.config.until
    params = query.parameters(since, until, 1)
    found = find(population, {name: str(value) for name, value in params.items()})
    return {f"flickr-{video.photo_id}" for video in found}


def known() -> dict[str, VideoState]:
    catalog = Catalog.open(Path("out/catalog.db"), make=False)
    try:
        return {row.record.video_id: row.state for row in catalog.videos()}
    finally:
        catalog.close()


def searches(imitation: Imitation) -> int:
    return len(imitation.requests("flickr.photos.search"))


def test_everything_that_can_be_found_is_found_in_few_calls(imitate, population, tinyvideo):
    imitation = imitate(population)
    found = tinyvideo("crawl", "--flickr", "--tag", "beach", "--tag", "sea", *YEARS)
    truth = findable(population, tags="beach,sea")
    missed = truth - known().keys()
    (search,) = tinyvideo("coverage")["searches"]
    assert known().keys() <= truth
    assert len(missed) == search["missing"] <= len(truth) / 1000
    count = len(known())
    calls = searches(imitation) + 1
    assert found == {"seen": count, "new": count, "known": count, "calls": calls}
    assert search["calls"] == searches(imitation) <= 1.3 * search["least_calls"] + 1
    assert search["gaps"] == []


def test_a_second_crawl_asks_only_for_what_is_not_proven(imitate, population, tinyvideo):
    imitation = imitate(population, search=STEADY)
    first = tinyvideo("crawl", "--flickr", "--text", "beach", *YEARS)
    asked = searches(imitation)
    second = tinyvideo("crawl", "--flickr", "--text", "beach", *YEARS)
    assert first["new"] == len(findable(population, text="beach"))
    assert searches(imitation) == asked
    assert (second["new"], second["calls"]) == (0, 1)  # the licenses
    # A longer span: what is proven is not asked for again.
    tinyvideo("crawl", "--flickr", "--text", "beach", "--since", "2013-06-01", *YEARS[2:])
    assert searches(imitation) == asked + 3  # that there is nothing is said three times


def test_every_kind_of_fault_costs_calls_and_no_video(
    imitate, population, tinyvideo, caplog, tmp_path
):
    caplog.set_level(logging.DEBUG)
    imitate(population, search=STEADY, faults=FaultConfig(seed=1, rate=0.1, hang_s=5))
    tinyvideo("crawl", "--flickr", "--tag", "beach", *YEARS)
    assert known().keys() == findable(population, tags="beach")
    assert tinyvideo("coverage")["searches"][0]["complete"]
    tinyvideo("status")
    # The key is in nothing that was written or said.
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
    assert KEY not in caplog.text
    assert SECRET not in caplog.text


def test_a_limit_takes_so_many_and_the_next_crawl_goes_on(imitate, population, tinyvideo):
    imitate(population, search=STEADY)
    words = ("crawl", "--flickr", "--tag", "beach", *YEARS)
    assert tinyvideo(*words, "--limit", "700")["new"] == 700
    assert len(known()) == 700
    tinyvideo(*words)
    assert known().keys() == findable(population, tags="beach")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--text", "Golf", {"text": "Golf"}),
        ("--bbox", "-10,-20,30,40", {"bbox": "-10,-20,30,40"}),
        ("--owner", "1000003@N03", {"owner": "1000003@N03"}),
    ],
)
def test_each_way_of_searching(imitate, population, tinyvideo, option, value, words):
    imitate(population, search=STEADY)
    tinyvideo("crawl", "--flickr", option, value, *YEARS)
    assert known().keys() == findable(population, **words)


def test_a_search_for_each_word_of_a_list(imitate, population, tinyvideo, tmp_path):
    imitate(population, search=STEADY)
    (tmp_path / "words.txt").write_text("beach\n# a note\n\ngolf\n")
    tinyvideo("crawl", "--flickr", "--words", "words.txt", *YEARS)
    assert known().keys() == findable(population, text="beach") | findable(population, text="golf")
    assert len(tinyvideo("coverage")["searches"]) == 2


def test_an_owner_on_the_block_list_is_never_fetched(imitate, population, tinyvideo):
    imitate(population, search=STEADY)
    words = ("crawl", "--flickr", "--owner", "1000003@N03", *YEARS)
    tinyvideo("block", "--owner", "1000003@N03")
    tinyvideo(*words)
    assert set(known().values()) == {VideoState.REJECTED}
    books = tinyvideo("status")["videos"]
    assert books["rejected"] == {"blocked": books["found"]}


def test_a_plan_asks_little_and_enters_nothing(imitate, population, tinyvideo):
    imitation = imitate(population, search=STEADY)
    plan = tinyvideo("plan", "--tag", "beach", *YEARS)
    assert plan["videos"] == len(findable(population, tags="beach"))
    assert plan["days"] == 730
    assert searches(imitation) == 1
    with pytest.raises(FileNotFoundError):
        Path("out/shards").stat()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"TINYVIDEO_FLICKR_KEY": "wrong"}, "Flickr refuses the key (TINYVIDEO_FLICKR_KEY): 100"),
        ({"TINYVIDEO_FLICKR_KEY": ""}, "searching Flickr needs a key"),
        ({"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}, "does not"),
        ({"TINYVIDEO_PROXY": "http://127.0.0.1:9"}, "cannot be reached: the proxy: Connection"),
        ({"SSL_CERT_FILE": "/nowhere.pem"}, "SSL_CERT_FILE: /nowhere.pem is no file of"),
    ],
    ids=["a wrong key", "no key", "no network", "no proxy", "no authority"],
)
def test_what_cannot_work_is_one_sentence(
    imitate, population, tinyvideo, monkeypatch, change, sentence
):
    imitate(population)
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    said = tinyvideo("crawl", "--flickr", "--tag", "beach", code=2)["said"]
    assert sentence in said.replace("\n", " ")
    assert "Traceback" not in said


def test_an_expired_certificate_is_one_sentence(imitate: Imitate, population, tinyvideo):
    imitate(population, expired=True)
    said = tinyvideo("crawl", "--flickr", "--tag", "beach", code=2)["said"]
    assert "certificate of api.flickr.com is not to be trusted" in said.replace("\n", " ")
    assert "trusted: certificate has expired; where" in said.replace("\n", " ")


def test_coverage_can_be_reopened(imitate, population, tinyvideo):
    imitate(population, search=SearchConfig(unsteady_pages=1, total_error=0))
    tinyvideo("crawl", "--flickr", "--tag", "golf", *YEARS)
    catalog = Catalog.open(Path("out/catalog.db"), make=False)
    (search,) = summarize(catalog.engine)
    catalog.close()
    unproven = search.windows - search.proven
    assert tinyvideo("coverage", "--reopen")["reopened"] == unproven


def test_the_popular_tags_come_before_the_frequent_words(tinyvideo, imitate, monkeypatch, capsys):
    imitation = imitate(Population(PopulationConfig(videos=1)))
    monkeypatch.setattr("sys.argv", ["tinyvideo", "words", "--hot", "--count", "210"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    words = capsys.readouterr().out.split()
    assert ended.value.code == 0
    assert words[: len(WORDS)] == list(WORDS)  # as the imitation ranks them
    assert len(set(words)) == 210
    assert "the" in words[len(WORDS) :]
    assert len(imitation.requests("flickr.tags.getHotList")) == 1


def test_rows_that_nobody_understands_are_counted_and_kept_and_end_nothing(
    imitate, population, tinyvideo
):
    vicious = SearchConfig(total_error=0, unsteady_pages=0, vice=Vice.MISSING_FIELDS)
    imitate(population, search=vicious)
    tinyvideo("crawl", "--flickr", "--tag", "beach", *YEARS)
    truth = findable(population, tags="beach")
    assert len(truth - known().keys()) <= len(truth) / 100
    (search,) = tinyvideo("coverage")["searches"]
    assert search["doubts"]["unread"] > 0
    assert search["gaps"] == []
    kinds = {kind["why"]: kind for kind in tinyvideo("failures")["not_understood"]}
    assert set(kinds) <= {
        "a result of the search without id",
        "a result of the search without dateupload",
    }
    for kind in kinds.values():
        assert kind["count"] >= 1
        assert json.loads(kind["first"])["ispublic"] == 1  # the true text of the first


def test_an_answer_of_another_form_ends_neither_the_crawl_nor_those_after_it(
    imitate, population, tinyvideo
):
    vicious = SearchConfig(total_error=0, unsteady_pages=0, vice=Vice.EMPTY_STRINGS)
    imitate(population, search=vicious)
    tinyvideo("crawl", "--flickr", "--tag", "beach", "--tag", "nothing", *YEARS)
    tinyvideo("crawl", "--flickr", "--text", "nothing at all", *YEARS)  # total=""
    assert known().keys() == findable(population, tags="beach,nothing")
    searches = tinyvideo("coverage")["searches"]
    assert [search["complete"] for search in searches] == [True, True]
