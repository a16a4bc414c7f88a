"""The loaders that ours is held against, each in the way that its own documentation recommends.

    decode       no loader: strips in memory, decoded into one place. The limit of them all
    ours         `models.data.loader`, from shards
    webdataset   tar files; shards and 1,000 samples shuffled; from S3 through curl, as it does http
    mds          MosaicML streaming; MDS shards of 64 MB, shuffled by py1e, cached on disk from S3
    litdata      LitData; chunks of 64 MB of bytes, shuffled, cached on disk from S3
    huggingface  datasets, of our shards as they are; local: Arrow in mapped memory, permuted; from
                 S3: streamed through s3fs, a buffer of 512 rows shuffled
    2016         a folder of JPEG strips, and the steps of the loader of 2016 in PyTorch: decode
                 whole, to planar floats, each frame through an antialiased bilinear resize
    2016-opencv  the same by OpenCV: decode whole, to float, each frame through `cv2.resize`

Every peer stores the JPEG as bytes and gets our scaled decoder, which none of them has: with
their own decoders (Pillow, whole pictures) they would be less than half as fast. They run without
worker processes, on one core as everything here: a worker would take from the same core, and
its batches would have to be copied. A batch is (64, 32, 64, 64, 3) uint8, that of 2016 float.

A peer's packages stand in a folder of its own, because they contradict each other and ours, and are
imported where they are used: see benchmarks/peers, and the target `bench-load` of the Makefile.
"""

import itertools
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import cv2
import numpy as np
import simplejpeg
import torch
from torch.nn.functional import interpolate
from torch.utils.data import DataLoader, Dataset

from tests.drawn.strip_rows import draw_strip
from tinyvideo.models.data.loader import LoadConfig, Loader
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip
from tinyvideo.pipeline.types import STRIP_FRAMES, VideoRecord
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.manifest import read_manifest
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.objects.stores import open_store
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_writer import ShardWriter

BATCH, SIZE = 64, 64
SHARD_STRIPS = 512
"""Ours. 110 MB; with fewer shards than this peers would have nothing to shuffle."""

SHUFFLED = 1000
"""Samples in WebDataset's buffer, as in its documentation."""

Batches = Iterator[torch.Tensor]


def decode(jpeg: bytes) -> np.ndarray:
    """Decode a strip at half its size, as every loader but that of 2016 does."""
    return decode_strip(jpeg, SIZE)


# -- the same strips in every format ---------------------------------------------------------


def write_folder(strips: list[bytes], folder: Path) -> None:
    """Write a JPEG file per strip."""
    for number, jpeg in enumerate(strips):
        (folder / f"{number:06d}.jpg").write_bytes(jpeg)


def write_shards(strips: list[bytes], folder: Path) -> None:
    """Write our shards, and a dataset of all of them."""
    keys = []
    for start in range(0, len(strips), SHARD_STRIPS):
        keys.append(f"shards/shard-{len(keys) + 1:06d}.parquet")
        (folder / "shards").mkdir(exist_ok=True)
        write_rows(strips[start : start + SHARD_STRIPS], folder / keys[-1])
    everything = DatasetConfig(validation=0, test=0)
    build_dataset(FolderStore(folder), "bench", keys, everything)


def write_rows(strips: list[bytes], path: Path) -> None:
    """Write one of our shards."""
    record = VideoRecord(video_id="film", source="folder", uri="file:///film.mp4")
    with ShardWriter(path) as writer:
        for number, jpeg in enumerate(strips):
            writer.add(row_of(record, draw_strip(number, size=128, jpeg=jpeg), "0.1.0", "c0ffee"))


def write_tars(strips: list[bytes], folder: Path) -> None:
    """Write tar files for WebDataset, each with as many strips as a shard of ours."""
    for start in range(0, len(strips), SHARD_STRIPS):
        with tarfile.open(folder / f"{start // SHARD_STRIPS:06d}.tar", "w") as tar:
            for number, jpeg in enumerate(strips[start : start + SHARD_STRIPS], start):
                entry = tarfile.TarInfo(f"{number:06d}.jpg")
                entry.size = len(jpeg)
                tar.addfile(entry, BytesIO(jpeg))


def write_mds(strips: list[bytes], folder: Path) -> None:
    """Write MDS shards of the default size, 64 MB."""
    from streaming import MDSWriter  # noqa: PLC0415

    with MDSWriter(out=str(folder), columns={"jpeg": "bytes"}, exist_ok=True) as writer:
        for jpeg in strips:
            writer.write({"jpeg": jpeg})


def write_litdata(strips: list[bytes], folder: Path) -> None:
    """Write LitData's chunks of 64 MB."""
    from litdata import optimize  # noqa: PLC0415

    optimize(
        strips.__getitem__,
        list(range(len(strips))),
        output_dir=str(folder),
        chunk_bytes="64MB",
        num_workers=1,
        verbose=False,
    )


WRITERS: dict[str, Callable[[list[bytes], Path], None]] = {
    "folder": write_folder,
    "ours": write_shards,
    "webdataset": write_tars,
    "mds": write_mds,
    "litdata": write_litdata,
}


# -- loaders ---------------------------------------------------------------------------------


def read_memory(address: str) -> Batches:
    """Decode strips over and over into the same place."""
    strips = [path.read_bytes() for path in sorted(Path(f"{address}/folder").iterdir())[:256]]
    frames = np.empty((BATCH, STRIP_FRAMES, SIZE, SIZE, 3), np.uint8)
    jpegs = itertools.cycle(strips)
    while True:
        for out in frames:
            decode_strip(next(jpegs), SIZE, out)
        yield torch.from_numpy(frames)


def read_ours(address: str, workers: int = 1) -> Batches:
    """Use the loader that training uses."""
    store = open_store(f"{address}/ours")
    config = LoadConfig(batch=BATCH, workers=workers)
    with Loader(store, read_manifest(store, "bench"), config) as loader:
        for batch in loader:
            yield batch.permute(0, 2, 3, 4, 1)


def read_webdataset(address: str) -> Batches:
    """Read tar files one after the other, in a random order, through a shuffle buffer."""
    import webdataset  # noqa: PLC0415

    urls = object_urls(address, "webdataset")
    samples = webdataset.WebDataset(urls, shardshuffle=len(urls), seed=0).shuffle(SHUFFLED)
    for (frames,) in samples.to_tuple("jpg").map_tuple(decode).batched(BATCH, partial=False):
        yield torch.as_tensor(frames)


def read_mds(address: str) -> Batches:
    """Read MDS shards; those in S3 are cached in a new folder."""
    from streaming import StreamingDataset  # noqa: PLC0415
    from streaming.base.util import clean_stale_shared_memory  # noqa: PLC0415

    class Clips(StreamingDataset):
        def __getitem__(self, at: int) -> np.ndarray:
            return decode(super().__getitem__(at)["jpeg"])

    clean_stale_shared_memory()
    at = f"{address}/mds"
    with tempfile.TemporaryDirectory() as cache:
        where = {"remote": at, "local": cache} if is_s3(address) else {"local": at}
        clips = Clips(**where, shuffle=True, batch_size=BATCH)
        yield from DataLoader(clips, batch_size=BATCH, drop_last=True)


def read_litdata(address: str) -> Batches:
    """Read LitData's chunks; those in S3 are cached in a new folder."""
    from litdata import StreamingDataLoader, StreamingDataset  # noqa: PLC0415
    from litdata.streaming import downloader  # noqa: PLC0415

    downloader._OBSTORE_CLIENT_OPTIONS["allow_http"] = "true"  # it speaks https only, otherwise
    server = {"endpoint_url": os.environ["AWS_ENDPOINT_URL_S3"]} if is_s3(address) else None
    with tempfile.TemporaryDirectory() as cache:
        clips = StreamingDataset(
            f"{address}/litdata",
            cache_dir=cache,
            shuffle=True,
            drop_last=True,
            transform=decode,
            storage_options=server,
        )
        yield from StreamingDataLoader(clips, batch_size=BATCH)


def read_hugging_face(address: str) -> Batches:
    """Read our shards with `datasets`: mapped locally, streamed from S3."""
    import datasets  # noqa: PLC0415

    remote = is_s3(address)
    with tempfile.TemporaryDirectory() as cache:
        found: Any = datasets.load_dataset(
            "parquet",
            data_files=f"{address}/ours/shards/*.parquet",
            split="train",
            cache_dir=cache,
            streaming=remote,
            columns=["jpeg"],
            storage_options={"endpoint_url": os.environ["AWS_ENDPOINT_URL_S3"]} if remote else None,
        )
        found = found.cast_column("jpeg", datasets.Image(decode=False))
        if remote:
            clips = found.shuffle(seed=0, buffer_size=SHARD_STRIPS).map(_decode_row)
        else:
            clips = found.shuffle(seed=0).with_transform(_decode_rows)
        for batch in DataLoader(clips, batch_size=BATCH, drop_last=True):
            yield batch["jpeg"]


def _decode_row(row: dict[str, Any]) -> dict[str, Any]:
    return {"jpeg": decode(row["jpeg"]["bytes"])}


def _decode_rows(rows: dict[str, Any]) -> dict[str, Any]:
    return {"jpeg": [decode(picture["bytes"]) for picture in rows["jpeg"]]}


class Files(Dataset):
    """The files of a folder, each through `load`."""

    def __init__(self, folder: Path, load: Callable[[bytes], torch.Tensor]) -> None:
        self._paths, self._load = sorted(folder.iterdir()), load

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, at: int) -> torch.Tensor:
        return self._load(self._paths[at].read_bytes())


def read_files(address: str, load: Callable[[bytes], torch.Tensor]) -> Batches:
    """Read single files in a random order."""
    files = Files(Path(f"{address}/folder"), load)
    yield from DataLoader(files, batch_size=BATCH, shuffle=True, drop_last=True)


def load_as_2016(jpeg: bytes) -> torch.Tensor:
    """Do what donkey_video2.lua did, on Torch's tensors of today: (3, 32, 64, 64) of -1 to 1."""
    picture = torch.from_numpy(simplejpeg.decode_jpeg(jpeg)).permute(2, 0, 1)
    planes = picture.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    width = planes.shape[2]
    clip = torch.empty(3, STRIP_FRAMES, SIZE, SIZE)
    for number in range(STRIP_FRAMES):
        frame = planes[:, number * width : (number + 1) * width]
        clip[:, number] = interpolate(
            frame[None], (SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False
        )[0]
    return clip.mul_(2).sub_(1)


def load_by_opencv(jpeg: bytes) -> torch.Tensor:
    """Do the same with OpenCV."""
    encoded = np.frombuffer(jpeg, np.uint8)
    picture = cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    planes = picture.astype(np.float32) / 255
    width = planes.shape[1]
    clip = np.empty((3, STRIP_FRAMES, SIZE, SIZE), np.float32)
    for number in range(STRIP_FRAMES):
        frame = planes[number * width : (number + 1) * width]
        clip[:, number] = cv2.resize(frame, (SIZE, SIZE)).transpose(2, 0, 1)
    return torch.from_numpy(clip * 2 - 1)


READERS: dict[str, Callable[[str], Batches]] = {
    "decode": read_memory,
    "ours": read_ours,
    "webdataset": read_webdataset,
    "mds": read_mds,
    "litdata": read_litdata,
    "huggingface": read_hugging_face,
    "2016": partial(read_files, load=load_as_2016),
    "2016-opencv": partial(read_files, load=load_by_opencv),
}

LOCAL_ONLY = ("decode", "2016", "2016-opencv")


def is_s3(address: str) -> bool:
    """Tell an address in S3 from a folder."""
    return address.startswith("s3://")


def object_urls(address: str, folder: str) -> list[str]:
    """Name the files of a folder, or sign an address for each object, sorted."""
    if not is_s3(address):
        return [str(path) for path in sorted(Path(f"{address}/{folder}").iterdir())]
    bucket, prefix = urlsplit(address).netloc, urlsplit(f"{address}/{folder}").path.lstrip("/")
    client = boto3.client("s3")
    found: Iterable[dict[str, Any]] = client.list_objects_v2(Bucket=bucket, Prefix=prefix)[
        "Contents"
    ]
    return [
        client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": entry["Key"]})
        for entry in found
    ]
