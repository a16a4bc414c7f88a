"""Colors as people see them: HDR and wide gamuts become the SDR picture that a player shows.

What a film's numbers mean stands in its frames: matrix, transfer function, primaries. Films of
8-bit YUV in BT.601 or BT.709 need no more than swscale's matrix. Of the others the small picture is
taken with 16 bits and goes

    PQ (ST 2084), HLG (BT.2100)     light of the display, 1 is the white of SDR, 203 cd/m2 (BT.2408)
    BT.2020, Display P3, DCI-P3     light of BT.709 primaries, what lies outside is clipped
    brighter than SDR               rolled off above KNEE, the same for all three channels, so that
                                    the hue stays; PEAK comes out as white
    light                           gamma 2.4 (BT.1886), 8 bits

A film that names no matrix is BT.709 where it is high definition, as players have it, and BT.601
where it is not; with PQ, HLG or the primaries of BT.2020, BT.2020.

The curve is ours: FFmpeg's own (libswscale, `intent=perceptual`) takes a film that names no peak
for one of 10,000 cd/m2 and shows it dark, and libplacebo and zimg are not in PyAV's wheels.
SMPTE 170M and EBU primaries are left as they are: they differ from BT.709 by less than a camera's
white balance. Dolby Vision without a base that others can show (profile 5) comes out in false
colors.

Cost: nothing for SDR; 21 ms per frame taken of HDR at 427 x 240.

Source: ITU-R BT.2100-2, tables 4 and 5; BT.2408-7; BT.1886; H.273 for the numbers.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from tinyvideo.pipeline.types import Frame

SDR_WHITE = 203.0
"""Brightness of the white of SDR in an HDR film, in cd/m2. BT.2408."""

PEAK = 1000.0
"""What becomes white, with all that is brighter, in cd/m2. Of BT.2100's HLG, and most grading."""

KNEE = 0.85
"""Above this share of SDR's range, after gamma, highlights are rolled off. Ours: below it HDR and
SDR of one scene have equal pixels."""

GAMMA = 2.4

BT709, UNSPECIFIED, BT601, BT2020 = 1, 2, 5, 9
"""Matrices, and the first two and the last of them primaries, by their numbers in H.273."""

PQ, HLG = 16, 18
"""Transfer functions, by their numbers in H.273."""

TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear"}
TRANSFERS |= {11: "xvycc", 13: "srgb", 14: "bt2020-10", 15: "bt2020-12", PQ: "pq", HLG: "hlg"}

PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film"}
PRIMARIES |= {9: "bt2020", 11: "dci-p3", 12: "display-p3", 22: "ebu3213"}

# Light of these primaries -> light of BT.709's, row by row; white stays white.
_P3 = [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]
_TO_BT709 = {
    BT2020: [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    11: _P3,
    12: _P3,
}

Light = npt.NDArray[np.float32]
"""Light of a display in red, green and blue, (H, W, 3); 1 is the white of SDR."""


@dataclass(frozen=True, slots=True)
class Colors:
    """What the numbers of a film's pictures mean."""

    matrix: int | None
    """H.273's number, for swscale; None: as the frames say, or the pictures are no YUV."""

    transfer: int
    primaries: int

    @classmethod
    def of(cls, frame: VideoFrame) -> "Colors":
        """Read what `frame` says, and decide what it leaves open."""
        transfer, primaries = int(frame.color_trc), int(frame.color_primaries)
        return cls(_choose_matrix(frame, transfer, primaries), transfer, primaries)

    @property
    def transfer_name(self) -> str | None:
        """The transfer function's name; None where the film names none."""
        return TRANSFERS.get(self.transfer)

    @property
    def primaries_name(self) -> str | None:
        """The primaries' name; None where the film names none."""
        return PRIMARIES.get(self.primaries)

    @property
    def need_more_than_a_matrix(self) -> bool:
        """Whether pictures have to go through `to_sdr`."""
        return self.transfer in {PQ, HLG} or self.primaries in _TO_BT709

    def to_sdr(self, image: npt.NDArray[np.uint16]) -> Frame:
        """Turn RGB of 16 bits, (H, W, 3), as swscale makes it of the film, into SDR, (H, W, 3)."""
        light: Light = np.take(_light_of_codes(self.transfer), image)
        if self.transfer == HLG:
            # The brighter the scene, the more contrast the display gives it: BT.2100, table 5.
            scene = light @ np.array([0.2627, 0.6780, 0.0593], np.float32)
            light *= (PEAK / SDR_WHITE * cv2.pow(scene, 0.2))[..., None]
        if self.primaries in _TO_BT709:
            to_bt709 = np.array(_TO_BT709[self.primaries], np.float32)
            light = np.asarray(cv2.transform(light, to_bt709), np.float32)
        coded: Light = np.asarray(cv2.pow(np.maximum(light, 0), 1 / GAMMA), np.float32)
        if self.transfer in {PQ, HLG}:
            coded = coded * _roll_off(coded.max(axis=2))[..., None]
        return np.asarray(np.clip(coded * 255 + 0.5, 0, 255), np.uint8)


def _choose_matrix(frame: VideoFrame, transfer: int, primaries: int) -> int | None:
    if frame.colorspace != UNSPECIFIED or frame.format.is_rgb:
        return None
    if transfer in {PQ, HLG} or primaries == BT2020:
        return BT2020
    # As players guess: mpv's and FFplay's limits, for films that lie on their side as well.
    return BT709 if max(frame.width, frame.height) >= 1280 or frame.height > 576 else BT601


def _roll_off(peak: Light) -> Light:
    """What coded values are multiplied with, (H, W), where the largest of the three is `peak`."""
    # y = k + (1 - k) t (1 + t / T^2) / (1 + t), the curve of Reinhard et al. 2002, equation 4.
    most = ((PEAK / SDR_WHITE) ** (1 / GAMMA) - KNEE) / (1 - KNEE)
    above = np.maximum(peak - KNEE, 0) / (1 - KNEE)
    rolled = KNEE + (1 - KNEE) * above * (1 + above / most**2) / (1 + above)
    return np.asarray(np.where(peak > KNEE, rolled / np.maximum(peak, KNEE), 1), np.float32)


@cache
def _light_of_codes(transfer: int) -> npt.NDArray[np.float32]:
    """Tabulate the light of every 16-bit code, (65536,); of HLG, that of the scene, 0 to 1."""
    code = np.arange(65536) / 65535
    if transfer == PQ:
        m1, m2 = float(Fraction(2610, 16384)), float(Fraction(2523, 32))
        c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
        root = code ** (1 / m2)
        light = 10_000 / SDR_WHITE * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    elif transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    else:
        light = code**GAMMA
    return np.asarray(light, np.float32)
