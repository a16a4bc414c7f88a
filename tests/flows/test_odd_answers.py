"""Answers that nobody can read, and calls that Flickr refuses, cost themselves and nothing else."""

import json
import logging

import pytest

from tests.flickr.worlds import QUERY, Unpaced, Wire
from tinyvideo.flows.imitation.population import Population, PopulationConfig
from tinyvideo.flows.imitation.rest_api import SITE_KEY, Api
from tinyvideo.flows.imitation.search_answers import SearchConfig
from tinyvideo.flows.run_options import RunOptions
from tinyvideo.flows.sources.crawl_sources import Finding, Search
from tinyvideo.pipeline.errors import FailCause, ServiceError, TransientError
from tinyvideo.pipeline.find.flickr_walk import search_with
from tinyvideo.pipeline.find.search_windows import Page, Span, Wanted
from tinyvideo.pipeline.hosts.flickr_api import FIRST_TRIES, Flickr, RefusedCallError
from tinyvideo.pipeline.hosts.licenses import SHIPPED
from tinyvideo.storage.catalog.video_catalog import Catalog

POPULATION = Population(PopulationConfig(videos=3_000, seed=5))
STEADY = SearchConfig(total_error=0, unsteady_pages=0)
WHOLE = Wanted(Span(POPULATION.config.since, POPULATION.config.until))


class Odd(Wire):
    """Says `text` in answer to every search for `words`, and to everything else if so told."""

    def __init__(self, text: bytes, words: str = "", *, always: bool = False) -> None:
        super().__init__(Api(POPULATION, STEADY, SITE_KEY))
        self.text, self.words, self.always = text, words, always

    def _flickr_call(self, timeout: float | None = None, **words: object) -> bytes:
        honest = super()._flickr_call(timeout, **words)
        odd = words["method"] == "flickr.photos.search" and words.get("text", "") == self.words
        return self.text if odd or self.always else honest


UNREADABLE = {
    "a page for people": b"<html>massage</html>",
    "nothing": b"",
    "cut off": b'{"photos": {"page": 1, "pho',
    "no text": b"\xff\xfe\xfd",
    "a list": b"[]",
    "null": b"null",
    "nested too deeply": b'{"photos":' + b"[" * 100_000,
    "a number too long": b'{"stat": "ok", "photos": ' + b"9" * 5_000 + b"}",
    "no rows": b'{"stat": "ok"}',
    "rows that are none": b'{"stat": "ok", "photos": {"photo": {}, "total": 7}}',
    "a failure without a code": b'{"stat": "fail"}',
    "a failure with an odd code": b'{"stat": "fail", "code": "--5", "message": "?"}',
    "a failure with a long code": json.dumps(
        {"stat": "fail", "code": "7" * 5_000, "message": "?"}
    ).encode(),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_answer_that_cannot_be_read_is_kept_and_passed_over(name):
    kept: list[tuple[str, str]] = []
    flickr = Flickr(Odd(UNREADABLE[name]), Unpaced())
    ask = search_with(flickr, QUERY, SHIPPED, lambda why, text: kept.append((why, text)))
    assert ask(WHOLE) == Page(0, (), unread=1)
    ((why, text),) = kept
    assert why.startswith("an answer of the search")
    assert text
    assert len(text) <= 6_000


@pytest.mark.parametrize("name", sorted(UNREADABLE.keys() - {"no rows", "rows that are none"}))
def test_where_nothing_can_be_read_flickr_does_not_answer(name):
    flickr = Flickr(Odd(UNREADABLE[name], always=True), Unpaced())
    with pytest.raises(ServiceError, match=f"does not answer, after {FIRST_TRIES} tries"):
        search_with(flickr, QUERY, SHIPPED)(WHOLE)


@pytest.mark.parametrize("code", [0, 10, 105, 106, 201])
def test_an_outage_is_waited_for(code):
    text = json.dumps({"stat": "fail", "code": code, "message": "away"}).encode()
    with pytest.raises(TransientError) as caught:
        Flickr(Odd(text), Unpaced()).call("flickr.photos.search")
    assert caught.value.cause is FailCause.UNAVAILABLE


def search_for(tmp_path, words, refused):
    options = RunOptions.model_validate(
        {"out": tmp_path / "out", "search": {"words": tmp_path / "words.txt"}}
    )
    (tmp_path / "words.txt").write_text("\n".join(words))
    text = json.dumps({"stat": "fail", "code": 1, "message": "an odd word"}).encode()
    catalog, finding = Catalog.open(tmp_path / "catalog.db"), Finding()
    try:
        flickr = Flickr(Odd(text, refused), Unpaced())
        Search(catalog, flickr, options, finding, lambda _: None).walk_all()
    finally:
        catalog.close()
    return finding


def test_a_word_that_flickr_refuses_ends_no_crawl_for_others(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        finding = search_for(tmp_path, ["golf", "beach"], refused="golf")
    assert finding.new > 0
    assert "nothing was found by text=golf" in caplog.text
    assert "an odd word" in caplog.text


def test_where_every_word_is_refused_that_is_said(tmp_path):
    with pytest.raises(RefusedCallError, match="an odd word"):
        search_for(tmp_path, ["golf"], refused="golf")
