"""What a walk through a search asks, in calls to Flickr; and which licenses Flickr knows.

Cost: one call per page, one for the licenses.
"""

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from tinyvideo.pipeline.errors import FailCause, TransientError
from tinyvideo.pipeline.find.flickr_query import (
    NotUnderstoodError,
    Query,
    parse_answer,
    parse_result,
)
from tinyvideo.pipeline.find.search_windows import Ask, Page, WalkConfig, Wanted
from tinyvideo.pipeline.hosts import SEARCH, SHIPPED, Flickr, Json, License, parse_licenses

Keep: TypeAlias = Callable[[str, str], None]
"""What is told of an answer that was not understood: what is wrong with it, and its text."""

_NEAR = 1_000
"""Characters on either side of a fault in an answer that are kept."""


def search_with(
    flickr: Flickr, query: Query, table: Mapping[str, License], keep: Keep = lambda why, text: None
) -> Ask:
    """Make calls to Flickr what `walk` asks with; what is no answer is asked for again.

    `keep` is told of every answer, and every row of one, that is not understood; it ends nothing.
    """

    def ask(wanted: Wanted) -> Page:
        span, told = wanted.span, ""

        def read(answer: Json) -> Page:
            nonlocal told
            try:
                return read_page(answer, table, keep, any_license=not query.licenses)
            except NotUnderstoodError as error:
                told = _written(answer)
                raise TransientError(FailCause.UNPARSABLE, str(error)) from error

        def pass_over(error: TransientError) -> Page:
            if told:
                keep(error.detail, told)
            else:
                keep("an answer of the search that is no JSON", _near_fault(error))
            return Page(0, (), unread=1)

        words = query.parameters(
            span.since,
            span.until,
            wanted.page,
            wanted.license_,
            newest_first=wanted.newest_first,
        )
        return flickr.call_patiently(SEARCH, read, pass_over, **words)

    return ask


def read_page(
    answer: Json, table: Mapping[str, License], keep: Keep, *, any_license: bool = False
) -> Page:
    """Read what can be understood of an answer of the search; `keep` is told of the other rows.

    Raises:
        NotUnderstoodError: it has no rows at all.
    """
    total, rows = parse_answer(answer)
    records = []
    for row in rows:
        try:
            records.append(parse_result(row, table, any_license=any_license))
        except NotUnderstoodError as error:
            keep(str(error), _written(row))
    return Page(total, records, unread=len(rows) - len(records))


def _near_fault(error: TransientError) -> str:
    """Cut out what lies around the fault in an answer; or say what is wrong with it."""
    cause = error.__cause__
    if not isinstance(cause, json.JSONDecodeError):
        return error.detail
    return cause.doc[max(0, cause.pos - _NEAR) : cause.pos + _NEAR] or error.detail


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


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
