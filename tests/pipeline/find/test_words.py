"""The words that a crawl searches for come in the order in which a language uses them."""

import pytest

from tinyvideo.pipeline.errors import ExpectedError
from tinyvideo.pipeline.find.words import LEAST_LETTERS, frequent_words


def test_the_most_frequent_words_come_first():
    words = frequent_words(50)

    assert words[:3] == ["the", "and", "for"]  # "to", "of", "a" are too short to search for
    assert len(set(words)) == 50
    assert all(word.isalpha() and len(word) >= LEAST_LETTERS for word in words)


def test_more_words_begin_with_the_fewer():
    assert frequent_words(200)[:50] == frequent_words(50)


def test_a_language_without_a_list_is_one_sentence():
    with pytest.raises(ExpectedError, match="no words of language 'xx'"):
        frequent_words(3, "xx")
