"""Many rows: the same promises, in a memory that does not grow with the pictures."""

from benchmarks.dataset import measure


def test_ten_thousands_of_rows_share_no_owner_and_take_little_memory():
    found = measure(30_000)

    assert found["shards"] == 8
    assert 0 < found["strips"] < 30_000
    assert found["owners"] == 600
    assert (found["shared_owners"], found["shared_groups"], found["differences"]) == (0, 0, 0)
    assert found["peak_mb"] < 400
