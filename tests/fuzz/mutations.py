"""What may happen to the bytes of a file, or to the packets of a film, on their way to us.

Each takes a random generator, and gives the same for the same.

Cost: 1 ms each, without those of packets, which write the film anew: 5 ms.
"""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from av.video.stream import VideoStream

Rng: TypeAlias = np.random.Generator
Packets: TypeAlias = list[av.Packet]


def flip_bits(data: bytes, rng: Rng) -> bytes:
    """Turn 1 to 40 bits over, anywhere."""
    return _flipped(data, rng, 0, len(data))


def flip_head(data: bytes, rng: Rng) -> bytes:
    """Turn bits over where headers are: in the first or the last 2 kB."""
    first = bool(rng.integers(2))
    return _flipped(data, rng, *((0, 2048) if first else (len(data) - 2048, len(data))))


def zero_run(data: bytes, rng: Rng) -> bytes:
    """Zero up to 4 kB, as a disk does that lost a block."""
    start, end = _run(data, rng)
    return data[:start] + bytes(end - start) + data[end:]


def noise_run(data: bytes, rng: Rng) -> bytes:
    """Put up to 4 kB of noise over the bytes."""
    start, end = _run(data, rng)
    return data[:start] + rng.bytes(end - start) + data[end:]


def cut_out_run(data: bytes, rng: Rng) -> bytes:
    """Leave out up to 4 kB."""
    start, end = _run(data, rng)
    return data[:start] + data[end:]


def repeat_run(data: bytes, rng: Rng) -> bytes:
    """Say up to 4 kB twice."""
    start, end = _run(data, rng)
    return data[:end] + data[start:]


def truncate(data: bytes, rng: Rng) -> bytes:
    """Break off."""
    return data[: int(rng.integers(1, max(2, len(data))))]


def lie_in_header(data: bytes, rng: Rng) -> bytes:
    """Put a number that is too large, or none, into the first or last 2 kB."""
    lies = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1", b"\x80\0\0\0"]
    lie = lies[int(rng.integers(len(lies)))]
    span = min(2048, len(data) - 4)
    start = int(rng.integers(max(1, span)))
    if rng.integers(2):
        start = len(data) - 4 - start
    start = max(0, start)
    return data[:start] + lie + data[start + 4 :]


ODD_VALUES: list[object] = [
    *(None, True, "", "x", "\x1b[2J", "../../x", "9" * 5000, "\ud800"),
    *(0, -1, 2**63, 10**400, 0.5, float("inf"), float("nan"), [], {}, [[]], {"": None}),
]
"""What a document may hold where nobody thinks of it."""


def mutate_json(data: bytes, rng: Rng) -> bytes:
    """Put 1 to 4 odd values into a document, or leave values out: it stays JSON."""
    document = json.loads(data)
    for _ in range(int(rng.integers(1, 5))):
        places = list(_places(document))
        if not places:
            break
        holder, key = places[int(rng.integers(len(places)))]
        if rng.integers(4) == 0:
            del holder[key]
        else:
            holder[key] = deepcopy(ODD_VALUES[int(rng.integers(len(ODD_VALUES)))])
    return json.dumps(document).encode()


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    keys = document if isinstance(document, dict) else range(len(document))
    for key in keys:
        yield document, key
        if isinstance(document[key], dict | list):
            yield from _places(document[key])


BYTE_MUTATIONS: list[Callable[[bytes, Rng], bytes]] = [
    flip_bits,
    flip_head,
    zero_run,
    noise_run,
    cut_out_run,
    repeat_run,
    truncate,
    lie_in_header,
]


def swap_packets(packets: Packets, rng: Rng) -> Packets:
    """Let the payloads of two packets change places."""
    one, other = sorted(rng.choice(len(packets), 2, replace=False))
    order = list(range(len(packets)))
    order[one], order[other] = order[other], order[one]
    return [_with_payload(packets[at], bytes(packets[of])) for at, of in enumerate(order)]


def duplicate_packets(packets: Packets, rng: Rng) -> Packets:
    """Let a packet show what another one shows, up to 8 of them."""
    for _ in range(int(rng.integers(1, 9))):
        one, other = rng.integers(len(packets), size=2)
        packets[one] = _with_payload(packets[one], bytes(packets[other]))
    return packets


def drop_packets(packets: Packets, rng: Rng) -> Packets:
    """Leave out up to 8 packets in a row."""
    start = int(rng.integers(len(packets)))
    return packets[:start] + packets[start + int(rng.integers(1, 9)) :]


def damage_packets(packets: Packets, rng: Rng) -> Packets:
    """Turn bits over in up to 4 packets, in a container that is whole."""
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(len(packets)))
        payload = bytes(packets[at])
        packets[at] = _with_payload(packets[at], _flipped(payload, rng, 0, len(payload)))
    return packets


PACKET_MUTATIONS: list[Callable[[Packets, Rng], Packets]] = [
    swap_packets,
    duplicate_packets,
    drop_packets,
    damage_packets,
]


def mutate_film(whole: Path, path: Path, rng: Rng) -> str:
    """Write a mutant of the film `whole` to `path`; return what was done to it."""
    kind = int(rng.integers(len(BYTE_MUTATIONS) + len(PACKET_MUTATIONS)))
    if kind < len(BYTE_MUTATIONS):
        mutation = BYTE_MUTATIONS[kind]
        path.write_bytes(mutation(whole.read_bytes(), rng))
        return mutation.__name__
    of_packets = PACKET_MUTATIONS[kind - len(BYTE_MUTATIONS)]
    try:
        _remux(whole, path, lambda packets: of_packets(packets, rng))
    except av.FFmpegError:  # a container that takes no such packets: then it is bytes
        path.write_bytes(flip_bits(whole.read_bytes(), rng))
        return "flip_bits"
    return of_packets.__name__


def mutate_bytes(data: bytes, rng: Rng) -> bytes:
    """Do one or two things to bytes."""
    for _ in range(int(rng.integers(1, 3))):
        data = BYTE_MUTATIONS[int(rng.integers(len(BYTE_MUTATIONS)))](data, rng)
    return data


def _remux(whole: Path, path: Path, change: Callable[[Packets], Packets]) -> None:
    with av.open(whole) as source, av.open(path, "w") as target:
        film = source.streams.video[0]
        stream = target.add_stream_from_template(film, opaque=True)
        assert isinstance(stream, VideoStream)
        for packet in change([packet for packet in source.demux(film) if packet.size]):
            packet.stream = stream
            target.mux(packet)


def _with_payload(packet: av.Packet, payload: bytes) -> av.Packet:
    made = av.Packet(payload)
    made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
    made.is_keyframe = packet.is_keyframe
    return made


def _flipped(data: bytes, rng: Rng, start: int, end: int) -> bytes:
    flipped = bytearray(data)
    if not flipped:
        return data
    for at in rng.integers(max(0, start), max(1, min(end, len(data))), size=rng.integers(1, 41)):
        flipped[at] ^= 1 << int(rng.integers(8))
    return bytes(flipped)


def _run(data: bytes, rng: Rng) -> tuple[int, int]:
    start = int(rng.integers(max(1, len(data))))
    return start, min(len(data), start + int(2 ** rng.uniform(0, 12)))
