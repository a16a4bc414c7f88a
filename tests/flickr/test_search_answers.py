"""The search of the imitation: what a crawler has to expect, counted by hand."""

import random

import pytest

from tinyvideo.flows.imitation.population import HOUR_S, Fate, Population, PopulationConfig
from tinyvideo.flows.imitation.search_answers import ApiError, SearchConfig, answer_of, find, search

HONEST = SearchConfig(total_error=0, unsteady_pages=0)
OLDEST_FIRST = {"media": "videos", "sort": "date-posted-asc", "per_page": "500"}


@pytest.fixture(scope="module")
def population():
    return Population(PopulationConfig(videos=6_000, photo_share=0.1, unsteady=True))


def ask(population, asked=0, config=HONEST, **params):
    known = OLDEST_FIRST | {"min_upload_date": str(population.config.since)}
    return search(population, known | {k: str(v) for k, v in params.items()}, config, asked)


def test_equal_seeds_give_equal_populations():
    config = PopulationConfig(videos=300, seed=7)

    assert Population(config).videos == Population(config).videos
    assert Population(config).videos != Population(PopulationConfig(videos=300, seed=8)).videos


def test_there_are_as_many_videos_as_were_ordered_and_photos_beside(population):
    assert sum(video.is_video for video in population.videos) == 6_000
    assert len(population.videos) == 6_600
    fates = population.fates(population.by_id)
    assert set(fates) == set(Fate)
    assert fates[Fate.WELL] > 0.85 * 6_600


def test_a_tenth_comes_within_one_hour(population):
    middle = (population.config.since + population.config.until) // 2

    assert sum(middle <= time < middle + HOUR_S for time in population.times) >= 660


def test_strangers_find_only_public_and_safe_videos(population):
    found = find(population, OLDEST_FIRST | {"min_upload_date": "0"})

    assert found == [v for v in population.videos if v.public and v.safe and v.is_video]


def test_dates_include_both_ends(population):
    found = find(population, OLDEST_FIRST | {"min_upload_date": "0"})
    first, last = found[10].posted, found[20].posted

    between = ask(population, min_upload_date=first, max_upload_date=last).rows

    assert {found[10], found[20]} <= set(between)
    assert all(first <= video.posted <= last for video in between)


@pytest.mark.parametrize(
    ("params", "fits"),
    [
        ({"tags": "golf"}, lambda v: "golf" in v.tags),
        ({"tags": "golf,sea"}, lambda v: {"golf", "sea"} & {*v.tags}),
        ({"tags": "golf,sea", "tag_mode": "all"}, lambda v: {"golf", "sea"} <= {*v.tags}),
        ({"tags": "golf,-sea"}, lambda v: "golf" in v.tags and "sea" not in v.tags),
        ({"text": "Golf"}, lambda v: "golf" in {*v.tags, *v.title.lower().split()}),
        ({"license": "4,5"}, lambda v: v.license in {4, 5}),
        ({"user_id": "1000003@N03"}, lambda v: v.owner == "1000003@N03"),
        ({"bbox": "-10,-20,30,40"}, lambda v: v.place and -20 <= v.place[0] <= 40),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "fits",
)
def test_words_of_a_query_mean_what_they_say(population, params, fits):
    everything = find(population, OLDEST_FIRST | {"min_upload_date": "0"})
    expected = [video for video in everything if fits(video)]
    if "bbox" in params:
        expected = [video for video in expected if -10 <= video.place[1] <= 30]

    assert find(population, {"media": "videos", **params}) == expected
    assert 0 < len(expected) < len(everything)


def test_a_query_without_a_limit_is_refused(population):
    with pytest.raises(ApiError) as caught:
        find(population, {"media": "videos"})
    assert caught.value.code == 3


def test_after_4000_results_earlier_pages_come_again(population):
    pages = [ask(population, page=number).rows for number in range(1, 11)]

    assert pages[8] == pages[0]
    assert pages[9] == pages[1]
    assert len({video for page in pages for video in page}) == 4_000
    assert ask(population).total == len(find(population, OLDEST_FIRST | {"min_upload_date": "0"}))


def test_a_search_by_place_gives_250_per_page(population):
    assert len(ask(population, bbox="-180,-90,180,90").rows) == 250


def test_totals_are_wrong_by_up_to_a_fifth_and_stay_so(population):
    config = SearchConfig(total_error=0.2, unsteady_pages=0)
    spans = [population.config.until - hours * HOUR_S * 24 for hours in range(200)]

    shares = []
    for until in spans:
        told = {ask(population, n, config, max_upload_date=until).total for n in range(3)}
        assert len(told) == 1
        shares.append(told.pop() / ask(population, max_upload_date=until).total)

    assert 0.79 < min(shares) < 0.85
    assert 1.15 < max(shares) < 1.21


def test_an_unsteady_page_repeats_some_rows_in_place_of_others(population):
    config = SearchConfig(total_error=0, unsteady_pages=0.2)
    steady = [ask(population, page=3).rows] * 100

    asked = [ask(population, n, config, page=3).rows for n in range(100)]

    unsteady = [rows for rows, right in zip(asked, steady, strict=True) if rows != right]
    assert 10 <= len(unsteady) <= 30
    earlier = {v for page in (1, 2) for v in ask(population, page=page).rows}
    for rows in unsteady:
        assert len(rows) == 500
        assert len(set(rows) - earlier) == 470  # 6 % of 500 are missing
        assert set(rows) <= earlier | set(steady[0])


def test_numbers_are_now_texts_now_numbers(population):
    rows = answer_of(ask(population), "license,date_upload,geo,path_alias", random.Random(0))
    rows = rows["photos"]["photo"]

    for name in ("license", "dateupload", "latitude"):
        assert {type(row[name]) for row in rows} >= {int, str}, name
    assert {row["pathalias"] for row in rows} >= {None, ""}
    assert all(isinstance(row["id"], str) for row in rows)
