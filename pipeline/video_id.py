"""An id from outside, checked where it is made: it names files, so it can be no path.

Lists, answers of Flickr, metadata of YFCC100M, rows of shards and catalogs of others all say ids,
and an id becomes the name of a part file, a fetched film, an entry of a tarball. Whatever has the
type has passed here; nothing below looks again.

Cost: 0.8 us per id.
"""

import re
from typing import Self

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_@.-]{0,199}")


class VideoId(str):
    """The id of a video or strip: letters, digits, `:`, `_`, `@`, `-` and `.`, and no `..`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Take `text` as it is, or refuse it.

        Raises:
            ValueError: it cannot name a file; the text shows it.
        """
        if type(text) is cls:
            return text
        if not _ID.fullmatch(text) or ".." in text:
            raise ValueError(
                f"video_id {text[:80]!r} cannot name a file: take letters, digits, ':', '_', '@', "
                "'-' and '.', but no '..', 200 at most, with a letter or digit first"
            )
        return super().__new__(cls, text)
