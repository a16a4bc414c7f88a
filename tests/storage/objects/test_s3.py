"""S3 through a network that fails: what was promised holds, or one sentence says what is wrong."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from tests.servers.proxy import Fault, Proxy, faulty
from tests.servers.seaweed import READER, READER_SECRET, Seaweed
from tinyvideo.storage.objects.folder import sha256_of
from tinyvideo.storage.objects.s3 import S3Config, S3Store
from tinyvideo.storage.objects.s3_errors import sentence_of
from tinyvideo.storage.storage_errors import GoneError, StorageError

MIB = 2**20
PATIENCE = S3Config(attempts=4, connect_limit_s=2, read_limit_s=0.5, part_bytes=5 * MIB)
PASSING = (Fault.ERROR_500, Fault.SLOW_DOWN, Fault.CUT_REQUEST, Fault.STALL)


@pytest.fixture
def proxy(seaweed: Seaweed, s3_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with faulty(seaweed.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
        yield proxy


@pytest.fixture
def store(s3_address: str) -> S3Store:
    return S3Store.at(s3_address, PATIENCE)


@pytest.fixture
def direct(s3_address: str, seaweed: Seaweed) -> S3Store:
    """The same store, past the proxy."""
    store = S3Store.at(s3_address, PATIENCE)
    before = os.environ["AWS_ENDPOINT_URL_S3"]
    os.environ["AWS_ENDPOINT_URL_S3"] = seaweed.endpoint
    assert not store.exists("anything")  # connects
    os.environ["AWS_ENDPOINT_URL_S3"] = before
    return store


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return draw(tmp_path / "small", 300_000)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    return draw(tmp_path / "large", 12 * MIB + 1)  # three parts


def draw(path: Path, size: int) -> Path:
    path.write_bytes(os.urandom(size))
    return path


def uploads(store: S3Store) -> list[str]:
    listed = store._client.list_multipart_uploads(Bucket=store.bucket, Prefix=store.prefix)
    return [upload["Key"] for upload in listed.get("Uploads", ())]


# -- put -------------------------------------------------------------------------------------


def test_a_large_file_goes_up_in_parts_and_comes_back_whole(store, large):
    assert store.put_if_absent("shards/a", large)
    assert store.read("shards/a") == large.read_bytes()
    assert not store.put_if_absent("shards/a", large)
    head = store._client.head_object(Bucket=store.bucket, Key=f"{store.prefix}/shards/a")
    assert head["ETag"].endswith('-3"')
    assert uploads(store) == []


@pytest.mark.parametrize("fault", PASSING)
def test_a_put_outlives_what_passes(store, proxy, small, fault):
    proxy.plan(fault, "PUT", times=2)
    assert store.put_if_absent("shards/a", small)
    assert proxy.left == 0
    assert store.read("shards/a") == small.read_bytes()


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_put_whose_answer_was_lost_has_won(store, proxy, request, size):
    source = request.getfixturevalue(size)
    method = {"small": "PUT", "large": "POST"}[size]
    proxy.plan(Fault.LOSE_ANSWER, method, path="" if size == "small" else "uploadId=")
    assert store.put_if_absent("shards/a", source)
    assert proxy.left == 0
    assert store.read("shards/a") == source.read_bytes()
    assert uploads(store) == []


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_put_whose_every_answer_was_lost_has_won_too(store, proxy, request, size):
    source = request.getfixturevalue(size)
    method = {"small": "PUT", "large": "POST"}[size]
    proxy.plan(Fault.LOSE_ANSWER, method, times=4, path="" if size == "small" else "uploadId=")
    assert store.put_if_absent("shards/a", source)
    assert store.read("shards/a") == source.read_bytes()


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_put_that_lost_to_another_has_not_won(store, proxy, direct, request, size):
    # The other's object has the same content, and comes between two attempts of ours.
    source = request.getfixturevalue(size)
    method = {"small": "PUT", "large": "POST"}[size]
    proxy.plan(Fault.STALL, method, path="" if size == "small" else "uploadId=")
    won: list[bool] = []
    ours = threading.Thread(target=lambda: won.append(store.put_if_absent("shards/a", source)))
    ours.start()
    while proxy.left:
        threading.Event().wait(0.01)
    assert direct.put_if_absent("shards/a", source)
    ours.join()
    assert won == [False]
    assert uploads(store) == []


@pytest.mark.parametrize("fault", [Fault.ERROR_500, Fault.SLOW_DOWN, Fault.CUT_REQUEST])
def test_parts_outlive_what_passes(store, proxy, large, fault):
    proxy.plan(fault, "POST", path="uploads")  # the first step
    proxy.plan(fault, "PUT", times=2)
    proxy.plan(fault, "POST", path="uploadId=")  # and the last
    assert store.put_if_absent("shards/a", large)
    assert proxy.left == 0
    assert store.read("shards/a") == large.read_bytes()


def test_a_put_that_fails_for_good_leaves_no_object_and_no_parts(store, proxy, large):
    proxy.plan(Fault.ERROR_500, "PUT", times=100)
    with pytest.raises(StorageError) as caught:
        store.put_if_absent("shards/a", large)
    check_sentence(caught.value, store.name("shards/a"), "InternalError: planned")
    assert not store.exists("shards/a")
    assert uploads(store) == []


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_bit_that_turns_on_the_way_up_never_becomes_an_object(store, proxy, request, size):
    source = request.getfixturevalue(size)
    proxy.plan(Fault.FLIP_REQUEST, "PUT", times=100)
    with pytest.raises(StorageError) as caught:
        store.put_if_absent("shards/a", source)
    check_sentence(caught.value, store.name("shards/a"), "")
    assert not store.exists("shards/a")


def test_uploads_of_killed_writers_are_ended_when_they_are_old(store, small):
    other = S3Store(store.bucket, f"{store.prefix}-other", PATIENCE)
    for its in (store, other):
        its._client.create_multipart_upload(Bucket=its.bucket, Key=f"{its.prefix}/shards/a")
    assert store.abort_stale(older_than_s=3600) == 0
    assert store.abort_stale(older_than_s=0) == 1
    assert uploads(store) == [f"{other.prefix}/shards/a"]  # its prefix begins like ours
    assert list(store.list("")) == []


# -- read ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*PASSING, Fault.LOSE_ANSWER, Fault.CUT_ANSWER])
def test_a_read_outlives_what_passes(store, proxy, small, fault):
    store.put_if_absent("shards/a", small)
    proxy.plan(fault, "GET", times=2)
    assert store.read("shards/a", 1000, 200_000) == small.read_bytes()[1000:201_000]
    assert proxy.left == 0


def test_a_read_goes_on_where_it_was_cut(store, proxy, large):
    store.put_if_absent("shards/a", large)
    proxy.plan(Fault.CUT_ANSWER, "GET", times=5)  # more often than it tries without success
    assert store.read("shards/a") == large.read_bytes()
    assert proxy.left == 0


def test_a_read_that_brings_nothing_is_given_up(store, proxy, small):
    store.put_if_absent("shards/a", small)
    proxy.plan(Fault.STALL, "GET", times=100)
    with pytest.raises(StorageError) as caught:
        store.read("shards/a", 5, 10)
    check_sentence(caught.value, store.name("shards/a"), "Read timeout")


def test_a_bit_that_turns_on_the_way_down_is_noticed(store, proxy, small):
    store.put_if_absent("shards/a", small)
    for read in (lambda: store.read("shards/a"), lambda: store.sha256("shards/a")):
        proxy.plan(Fault.FLIP_ANSWER, "GET")
        assert read() in {small.read_bytes(), sha256_of(small)}  # it was read again
        assert proxy.left == 0
    proxy.plan(Fault.FLIP_ANSWER, "GET", times=100)
    with pytest.raises(StorageError) as caught:
        store.read("shards/a")
    check_sentence(caught.value, store.name("shards/a"), "checksum")


def test_an_object_that_changes_while_it_is_read_is_not_mixed(store, proxy, direct, large):
    direct.put_if_absent("a", large)
    proxy.plan(Fault.CUT_ANSWER, "GET")
    proxy.plan(Fault.STALL, "GET")
    failed: list[StorageError] = []

    def read() -> None:
        try:
            store.read("a")
        except StorageError as error:
            failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    while proxy.left:
        threading.Event().wait(0.01)
    direct.replace("a", b"another")
    reader.join()
    check_sentence(failed[0], store.name("a"), "PreconditionFailed")


def test_few_requests_read_a_file(store, proxy, large):
    store.put_if_absent("a", large)
    before = proxy.seen["GET"]
    with store.open("a") as file:
        file.seek(-8, os.SEEK_END)
        file.read(8)  # a footer fetches the last MiB,
        file.seek(-100_000, os.SEEK_END)
        file.read(100_000)
        for _ in range(100):  # many small columns one MiB,
            file.seek(MIB // 2)
            file.read(1000)
        file.seek(0)
        file.read(8 * MIB)  # and a large one just itself
    assert proxy.seen["GET"] - before == 3


# -- what is wrong with the address or the keys ----------------------------------------------


def check_sentence(error: StorageError, name: str, cause: str) -> None:
    text = str(error)
    assert name in text
    assert cause in text
    assert "; " in text
    assert "\n" not in text
    assert "secret" not in text.lower()


WRONG_KEYS = {
    "unknown key": ({"AWS_ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
    "wrong secret": (
        {"AWS_SECRET_ACCESS_KEY": "wrong"},
        "SignatureDoesNotMatch",
        "check AWS_ACCESS_KEY_ID",
    ),
    "half of the keys": ({"AWS_SECRET_ACCESS_KEY": None}, "Partial credentials", "both"),
    "no keys": (
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
        "Unable to locate credentials",
        "set AWS_ACCESS_KEY_ID",
    ),
    "no rights": (
        {"AWS_ACCESS_KEY_ID": READER, "AWS_SECRET_ACCESS_KEY": READER_SECRET},
        "AccessDenied",
        "give these keys the right",
    ),
    "no profile": ({"AWS_PROFILE": "nowhere"}, "nowhere", "check AWS_PROFILE"),
}


@pytest.mark.parametrize(("changes", "cause", "way_out"), WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_wrong_keys_are_one_sentence(s3_address, monkeypatch, changes, cause, way_out):
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(StorageError) as caught:
        S3Store.at(s3_address, PATIENCE).probe()
    text = str(caught.value).replace("AWS_SECRET_ACCESS_KEY", "")
    check_sentence(StorageError(text), f"cannot write to {s3_address}: ", cause)
    assert way_out in text


def test_a_bucket_that_is_missing_is_named(s3_address):
    with pytest.raises(StorageError) as caught:
        S3Store.at("s3://no-such-bucket/x", PATIENCE).probe()
    check_sentence(caught.value, "cannot write to s3://no-such-bucket/x: NoSuchBucket", "")
    assert "make the bucket, or choose another --out" in str(caught.value)


def test_a_bucket_of_no_possible_name_is_named(s3_address):
    with pytest.raises(StorageError, match="Bucket!/x names no bucket"):
        S3Store.at("s3://No Bucket!/x", PATIENCE).probe()


def test_a_server_that_is_not_there_is_named(s3_address, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        with pytest.raises(StorageError) as caught:
            S3Store.at(s3_address, S3Config(attempts=1)).probe()
    check_sentence(caught.value, f"cannot write to {s3_address}: ", endpoint)
    assert "check AWS_ENDPOINT_URL_S3 and the network" in str(caught.value)


def test_a_server_that_overwrites_taken_names_is_refused(store, monkeypatch):
    put = type(store._client).put_object

    def careless(client, **options):
        options.pop("IfNoneMatch")
        return put(client, **options)

    monkeypatch.setattr(type(store._client), "put_object", careless)
    with pytest.raises(StorageError, match="ignores If-None-Match"):
        store.probe()


def test_a_region_that_is_wrong_or_missing_has_a_way_out():
    answer = {"Error": {"Code": "AuthorizationHeaderMalformed", "Message": "expecting 'eu'"}}
    for error in (ClientError(answer, "PutObject"), boto.NoRegionError()):
        assert "set AWS_DEFAULT_REGION" in str(sentence_of(error, "write to", "s3://b"))


def test_a_missing_object_is_told_from_a_missing_bucket(store):
    with pytest.raises(GoneError):
        store.read("a")
    with pytest.raises(StorageError) as caught:
        S3Store("no-such-bucket", "", PATIENCE).read("a")
    assert not isinstance(caught.value, GoneError)


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"part_bytes": 1}, {"parallel_parts": 0}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match="must be at least"):
        S3Config(**wrong)


def test_half_of_a_character_is_no_key():
    with pytest.raises(StorageError, match="is no name of an object in s3://b/p"):
        S3Store("b", "p").read("shards/\ud800.parquet")
