"""What a walk through a search asks, in calls to Flickr; and which licenses Flickr knows.

Cost: one call per page, one for the licenses.
"""

from collections.abc import Mapping

from tinyvideo.pipeline.find.flickr_query import Query, parse_answer, parse_result
from tinyvideo.pipeline.find.search_walk import Ask, Page, WalkConfig, Wanted
from tinyvideo.pipeline.hosts import SEARCH, SHIPPED, Flickr, Json, License, parse_licenses


def search_with(flickr: Flickr, query: Query, table: Mapping[str, License]) -> Ask:
    """Make calls to Flickr what `walk` asks with; what is no answer is asked for again."""

    def read(answer: Json) -> Page:
        total, rows = parse_answer(answer)
        return Page(total, [parse_result(r, table, any_license=not query.licenses) for r in rows])

    def ask(wanted: Wanted) -> Page:
        span = wanted.span
        words = query.parameters(span.since, span.until, wanted.page, wanted.license_)
        return flickr.call_patiently(SEARCH, read, **words)

    return ask


def walk_config(query: Query) -> WalkConfig:
    """Say what a walk has to know of a query."""
    return WalkConfig(per_page=query.per_page, licenses=query.licenses)


def read_licenses(flickr: Flickr) -> dict[str, License]:
    """Read Flickr's table of licenses, or take the shipped one if the answer makes no sense.

    Raises:
        ServiceError: Flickr refuses us, or does not answer.
    """

    def read(answer: Json) -> dict[str, License]:
        try:
            return parse_licenses(answer)
        except ValueError:
            return dict(SHIPPED)

    return flickr.call_patiently("flickr.photos.licenses.getInfo", read)
