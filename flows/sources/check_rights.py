"""Ask Flickr about videos that are in shards: are they there still, and under which license?

Cost: one call per video, at the pace of the budget: 3,600 an hour.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from tinyvideo.pipeline.errors import FailCause, RejectedError, RejectReason, TransientError
from tinyvideo.pipeline.fetch import rights_of
from tinyvideo.pipeline.find import read_licenses
from tinyvideo.pipeline.hosts import Flickr, Json, License
from tinyvideo.pipeline.types import VideoRecord
from tinyvideo.storage.catalog import Answer, Catalog, FoundToBe, due_for_check, enter_rights


def check_fetched(
    catalog: Catalog,
    flickr: Flickr,
    older_than: timedelta,
    limit: int,
    tell: Callable[[int], None] = lambda done: None,
) -> Counter[str]:
    """Ask about what is in shards and was not asked about for so long; count what was found.

    Each answer is entered as it comes, so that a run which is killed goes on where it was.

    Raises:
        ServiceError: Flickr refuses us, or does not answer.
        StorageError: the catalog cannot be used.
    """
    table = read_licenses(flickr)
    counted: Counter[str] = Counter()
    for done, record in enumerate(due_for_check(catalog.engine, older_than, limit), 1):
        answer = _ask(flickr, record, table)
        changed = enter_rights(catalog.engine, answer)
        counted[answer.found_to_be or ("changed" if changed else "as before")] += 1
        tell(done)
    return counted


def _ask(flickr: Flickr, record: VideoRecord, table: dict[str, License]) -> Answer:
    photo_id = record.video_id.removeprefix("flickr-")

    def read(answer: Json) -> VideoRecord:
        try:
            return rights_of(record, answer["photo"], table)
        except (KeyError, TypeError, AttributeError) as error:
            detail = f"an answer of another form: {error!r}"
            raise TransientError(FailCause.UNPARSABLE, detail) from error

    try:
        now = flickr.call_patiently("flickr.photos.getInfo", read, photo_id=photo_id)
    except RejectedError as error:
        if error.reason not in {RejectReason.GONE, RejectReason.NOT_PERMITTED}:
            raise
        return Answer(video_id=record.video_id, found_to_be=FoundToBe.GONE, detail=error.detail)
    license_ = table.get(now.license_id)
    allowed = license_ is not None and license_.allows_derivatives
    found_to_be = None if allowed else FoundToBe.RELICENSED
    return Answer(video_id=record.video_id, record=now, found_to_be=found_to_be)
