"""Archives and lists that are small on disk and large once they are read."""

import gzip
import lzma
import tarfile
import tracemalloc

import pytest

from tests.drawn.released import strips_of, tarball
from tinyvideo.pipeline import outside_packed
from tinyvideo.storage.exchange.released_format import Archive, iterate_strips, read_list
from tinyvideo.storage.storage_errors import StorageError

STRIP = strips_of(4632147167, 32)
ROOM = 8 * 2**20
"""Bytes that reading may take, a strip and the decompressor's own included."""


def header(kind, size, name="x"):
    """Write the header of a member that claims `size` bytes."""
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def read(path):
    """Read an archive; return its strips, what it says of itself, and the bytes that it took."""
    archive = Archive()
    tracemalloc.start()
    try:
        strips = [entry.name for entry in iterate_strips(path, archive)]
        return strips, archive, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "kind",
    [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE,
     tarfile.SOLARIS_XHDTYPE],
)  # fmt: skip
def test_a_header_of_many_megabytes_is_refused_before_it_is_read(tmp_path, kind):
    size = 2**26
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header(kind, size))
        file.write(bytes(size))
    with pytest.raises(StorageError, match="a header claims 67108864 bytes"):
        read(path)


def test_what_comes_before_such_a_header_comes_in(tmp_path):
    path = tmp_path / "bomb.tar.gz"
    whole = tarball(STRIP).rstrip(b"\0")
    whole += bytes(-len(whole) % 512)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(whole + header(tarfile.GNUTYPE_LONGNAME, 2**26))
        file.write(bytes(2**26))

    strips, archive, took = read(path)

    assert len(strips) == 1
    assert "a header claims 67108864 bytes" in archive.problem
    assert took < ROOM


def test_a_list_of_holes_without_an_end_is_not_read(tmp_path):
    # An old GNU sparse header goes on as long as each block says that there is another.
    first = bytearray(header(tarfile.GNUTYPE_SPARSE, 512))
    path = tmp_path / "sparse.tar"
    path.write_bytes(bytes(first) + (b"0" * 504 + b"\1" + bytes(7)) * 10_000)
    with pytest.raises(StorageError, match="a sparse file is no strip"):
        read(path)


def test_headers_within_headers_end_in_a_sentence(tmp_path):
    path = tmp_path / "nest.tar"
    path.write_bytes((header(tarfile.GNUTYPE_LONGNAME, 2) + b"a".ljust(512, b"\0")) * 3000)
    with pytest.raises(StorageError, match="is not a tarball"):
        read(path)


def test_members_that_are_nothing_take_no_room(tmp_path):
    path = tmp_path / "many.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for number in range(20_000):
            file.write(header(tarfile.REGTYPE, 0, f"nothing-{number}"))

    _, archive, took = read(path)

    assert archive.counts["other_name"] == 20_000
    assert took < ROOM


def test_xz_is_read_in_several_streams_and_within_its_memory(tmp_path, monkeypatch):
    content = tarball(STRIP)
    path = tmp_path / "t.tar.xz"
    half = len(content) // 2
    path.write_bytes(lzma.compress(content[:half]) + bytes(4) + lzma.compress(content[half:]))
    assert len(read(path)[0]) == 1

    monkeypatch.setattr(outside_packed, "MOST_XZ", 2**20)
    with pytest.raises(StorageError, match="Memory usage limit"):
        read(path)


def test_xz_that_ends_too_early_is_told(tmp_path):
    path = tmp_path / "t.tar.xz"
    path.write_bytes(lzma.compress(tarball(STRIP))[:-40])
    with pytest.raises(StorageError, match=r"ends before its end|not a tarball"):
        _, archive, _ = read(path)
        raise StorageError(archive.problem)


def test_a_line_without_an_end_takes_no_room(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"x" * 2**25)
    tracemalloc.start()
    try:
        with pytest.raises(StorageError, match="names no strip"):
            read_list(path)
        took = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert took < ROOM
