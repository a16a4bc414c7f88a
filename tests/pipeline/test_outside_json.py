"""JSON from outside is read within a limit, and is else one kind of error."""

import pytest

from tinyvideo.pipeline.outside_json import parse_json, read_json


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": ' * 100_000, b"9" * 5000, "[" * 100_000],
)
def test_what_is_no_json_is_a_value_error(content):
    with pytest.raises(ValueError, match=r".+"):
        parse_json(content)


def test_a_file_is_read_no_further_than_its_limit(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'"' + b"a" * 98 + b'"')
    assert read_json(path, 100) == "a" * 98
    with pytest.raises(ValueError, match="more than 99 bytes"):
        read_json(path, 99)
