"""Words to search for: the most frequent ones of a language, and what is popular on Flickr now.

Function words (`the`, `of`) find everything and say nothing, but they do find: a title is searched
word by word, so they are left in. Words of fewer than three letters, and what is no word, go.

Cost: that of reading wordfreq's lists; one call for the tags. Source: Robyn Speer, wordfreq (2022).
"""

from collections.abc import Mapping
from typing import Any

from tinyvideo.pipeline.errors import FailCause, ServiceError, TransientError, install_extra
from tinyvideo.pipeline.hosts import Flickr

LEAST_LETTERS = 3
_SPARE = 2
"""How many times more words are read than wanted, since not all are words."""


def frequent_words(count: int, language: str = "en") -> list[str]:
    """List words, the most frequent first.

    Raises:
        ServiceError: wordfreq is not installed, or does not know the language.
    """
    try:
        from wordfreq import top_n_list  # noqa: PLC0415  an extra

        words = top_n_list(language, _SPARE * count + 100)
    except ModuleNotFoundError as error:
        raise ServiceError(f"word lists come from wordfreq: {install_extra('words')}") from error
    except (LookupError, ValueError) as error:  # a tag of another form is a ValueError
        raise ServiceError(f"wordfreq has no words of language {language!r}") from error
    fit = (word for word in words if len(word) >= LEAST_LETTERS and word.isalpha())
    return [word for word, _ in zip(fit, range(count), strict=False)]


def hot_tags(flickr: Flickr, count: int) -> list[str]:
    """Ask Flickr for the tags that are popular this week.

    Raises:
        ServiceError: Flickr refuses us, or does not answer.
    """
    return flickr.call_patiently(
        "flickr.tags.getHotList", _tags_of, period="week", count=min(count, 200)
    )


def _tags_of(answer: Mapping[str, Any]) -> list[str]:
    try:
        return [str(tag["_content"]) for tag in answer["hottags"]["tag"]]
    except (KeyError, TypeError) as error:
        raise TransientError(
            FailCause.UNPARSABLE, f"hot tags of another form: {error!r}"
        ) from error
