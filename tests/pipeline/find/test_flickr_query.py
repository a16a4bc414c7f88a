"""What a search asks for, and what a result says, in all the types that Flickr has used."""

import pytest

from tinyvideo.pipeline.errors import RejectReason
from tinyvideo.pipeline.find.flickr_query import (
    NotUnderstoodError,
    Query,
    parse_answer,
    parse_result,
)
from tinyvideo.pipeline.hosts.licenses import SHIPPED, allowed_numbers, license_of, parse_licenses

ROW = {
    "id": "48499561892",
    "owner": "7702423@N04",
    "secret": "2fc41d65e3",
    "title": "Fox",
    "license": "4",
    "dateupload": "1565395643",
    "ownername": "cseeman",
    "tags": "fox squirrel",
    "media": "video",
    "pathalias": "cseeman",
    "datetaken": "2019-08-09 09:21:44",
    "datetakenunknown": "0",
    "views": "71",
    "latitude": "42.28",
    "longitude": -83.74,
    "accuracy": "16",
}


def test_a_result_becomes_a_record_with_rights():
    record = parse_result(ROW, SHIPPED)
    assert (record.video_id, record.uri) == ("flickr-48499561892", "flickr:48499561892")
    assert (record.owner, record.owner_name) == ("7702423@N04", "cseeman")
    assert record.page_url == "https://www.flickr.com/photos/cseeman/48499561892/"
    assert (record.license_id, record.license) == ("4", "CC BY 2.0")
    assert (record.uploaded_at, record.tags, record.secret) == (
        (1565395643, "fox squirrel", "2fc41d65e3")
    )
    assert record.refused is None
    assert (record.taken_at, record.views) == ("2019-08-09 09:21:44", 71)
    assert (record.latitude, record.longitude) == (42.28, -83.74)


@pytest.mark.parametrize(
    "told",
    [
        {"latitude": 0, "longitude": 0, "accuracy": 0},
        {"latitude": "0", "longitude": "0", "accuracy": "0"},
        {"latitude": None, "longitude": None, "accuracy": "16"},
        {"latitude": 91, "longitude": 0, "accuracy": 16},
        {"latitude": "nan", "longitude": 0, "accuracy": 16},
    ],
)
def test_a_place_that_is_none_is_not_stored(told):
    record = parse_result({**ROW, **told}, SHIPPED)
    assert (record.latitude, record.longitude) == (None, None)


def test_what_nobody_says_is_not_guessed():
    untold = {**ROW, "datetakenunknown": 1, "views": None}
    record = parse_result(untold, SHIPPED)
    assert (record.taken_at, record.views) == ("", None)


def test_numbers_may_be_texts_and_names_may_be_missing():
    drifted = {**ROW, "id": 48499561892, "license": 4, "dateupload": 1565395643, "views": 71}
    drifted |= {"latitude": 42.28, "longitude": "-83.74", "accuracy": 16, "datetakenunknown": 0}
    assert parse_result(drifted, SHIPPED) == parse_result(ROW, SHIPPED)
    for alias in (None, ""):
        page = parse_result({**ROW, "pathalias": alias}, SHIPPED).page_url
        assert page == "https://www.flickr.com/photos/7702423@N04/48499561892/"
    assert parse_result({**ROW, "title": {"_content": "Fox"}}, SHIPPED).title == "Fox"


@pytest.mark.parametrize("number", ["0", 3, "6", "13", "16", "17", "", None])
def test_licenses_that_forbid_derivatives_or_are_unknown_are_refused(number):
    record = parse_result({**ROW, "license": number}, SHIPPED)
    assert record.refused is RejectReason.NOT_ALLOWED_LICENSE
    assert parse_result({**ROW, "license": number}, SHIPPED, any_license=True).refused is None


def test_a_photo_is_refused():
    assert parse_result({**ROW, "media": "photo"}, SHIPPED).refused is RejectReason.NOT_A_VIDEO


def test_the_licenses_that_allow_derivatives():
    assert allowed_numbers(SHIPPED) == (
        "1",
        "2",
        "4",
        "5",
        "7",
        "8",
        *map(str, range(9, 13)),
        "14",
        "15",
    )


def test_a_table_is_read_with_numbers_as_texts_or_numbers():
    rows = [{"id": 4, "name": "CC BY 2.0", "url": "u"}, {"id": "0", "name": "All", "url": None}]
    table = parse_licenses({"licenses": {"license": rows}})
    assert {number: table[number].name for number in table} == {"4": "CC BY 2.0", "0": "All"}
    with pytest.raises(ValueError, match="another form"):
        parse_licenses({"licenses": None})


def test_a_license_is_found_by_its_address_however_it_is_written():
    for url in (
        "http://creativecommons.org/licenses/by/2.0",
        "https://www.creativecommons.org/licenses/by/2.0/",
    ):
        found = license_of(url)
        assert found is not None
        assert found.number == "4"
    assert license_of("") is None


def test_a_call_asks_for_safe_videos_oldest_first():
    words = Query(tags="beach", licenses=("4", "5")).parameters(10, 20, 1)
    assert words["media"] == "videos"
    assert (words["license"], words["safe_search"], words["video_content_types"]) == ("4,5", 1, 0)
    assert (words["min_upload_date"], words["max_upload_date"]) == (10, 20)
    assert (words["sort"], words["per_page"], words["page"]) == ("date-posted-asc", 500, 1)
    assert Query(tags="x", licenses=("4", "5")).parameters(1, 2, 1, "5")["license"] == "5"
    assert "license" not in Query(tags="x").parameters(1, 2, 1)


def test_a_search_by_place_gives_half_a_page():
    assert Query(bbox="5,50,10,55").parameters(1, 2, 1)["per_page"] == 250


@pytest.mark.parametrize("bbox", ["5,50,10", "10,50,5,55", "0,0,181,1", "a,b,c,d"])
def test_a_box_that_is_none_is_refused(bbox):
    with pytest.raises(ValueError, match="WEST,SOUTH,EAST,NORTH"):
        Query(bbox=bbox)


@pytest.mark.parametrize("answer", [{}, {"photos": []}, {"photos": {"total": 1, "photo": "no"}}])
def test_an_answer_without_results_is_not_understood(answer):
    with pytest.raises(NotUnderstoodError, match="without a list of results"):
        parse_answer(answer)


@pytest.mark.parametrize("total", ["", "many", None, "²", "1" * 20])
def test_a_total_that_is_no_number_says_nothing_and_ends_nothing(total):
    assert parse_answer({"photos": {"total": total, "photo": []}}) == (0, [])
    assert parse_answer({"photos": {"total": total, "photo": [{}]}}) == (1, [{}])


@pytest.mark.parametrize("name", ["id", "dateupload"])
@pytest.mark.parametrize("value", ["yesterday", "", None, "²", "1" * 20])
def test_a_result_without_a_number_where_one_has_to_be_is_not_understood(name, value):
    with pytest.raises(NotUnderstoodError, match=f"without {name}"):
        parse_result({**ROW, name: value}, SHIPPED)
    with pytest.raises(NotUnderstoodError, match="no object"):
        parse_result("a text", SHIPPED)


def test_views_that_no_column_holds_are_not_known():
    assert parse_result({**ROW, "views": "9" * 20}, SHIPPED).views is None
