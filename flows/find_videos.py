"""Walk through a search on Flickr and enter in the catalog what it finds.

Window by window: the videos first, then that the window was looked at, so that a kill between the
two costs one call, and no video. What was proven before is not asked for again.

Cost: that of `pipeline.crawl`, and 50 ms per window of 500 videos for the catalog.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from pipeline.crawl import Span, Window, walk
from pipeline.flickr import Flickr
from pipeline.query import Query
from pipeline.search import read_licenses, search_with, walk_config
from storage.catalog import Catalog
from storage.coverage import enter_window, left_to_ask


def find_videos(
    catalog: Catalog,
    flickr: Flickr,
    query: Query,
    span: Span,
    seen: Callable[[Window], None] = lambda window: None,
) -> int:
    """Enter every video of a search that was uploaded in `span`; return how many are new.

    `seen` is called after each window.

    Raises:
        ServiceError: Flickr refuses us, or does not answer.
        StorageError: the catalog cannot be used.
    """
    ask, config, new = search_with(flickr, query, read_licenses(flickr)), walk_config(query), 0
    for gap in left_to_ask(catalog.engine, query.name, span):
        for window in walk(ask, gap, config):
            new += catalog.add(window.records)
            enter_window(catalog.engine, query.name, window, query.per_page, datetime.now(UTC))
            seen(window)
    return new
