"""EfficientNet-Lite0, the network of the scene proxy: 16 inverted residuals, 4.7 M weights.

    stem 3x3 /2, 32 -> seven stages of blocks, to 320 channels -> 1x1, 1280 -> mean -> 1000 classes

A block widens its input by 1x1, filters each channel on its own, and narrows it again; it adds its
input where the shape stays. It is written here, because the libraries that have it load torch's
compiler with it: 2 s of processor time and 170 MB in every process that curates videos.

Cost: as `models.scenes.places` says; 0.4 G multiplications per image of 224 x 224.

Sources: Tan and Le, "EfficientNet", ICML 2019, table 1; tensorflow/tpu, EfficientNet-Lite: no
squeeze and excitation, ReLU6, stem and head as wide in all sizes, padding as TensorFlow's.
"""

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

CLASSES, STEM, HEAD = 1000, 32, 1280


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Blocks of one width; all of these are the paper's."""

    blocks: int
    channels: int
    kernel: int
    stride: int
    """Of the first block."""

    widen: int = 6


STAGES = (
    Stage(blocks=1, channels=16, kernel=3, stride=1, widen=1),
    Stage(blocks=2, channels=24, kernel=3, stride=2),
    Stage(blocks=2, channels=40, kernel=5, stride=2),
    Stage(blocks=3, channels=80, kernel=3, stride=2),
    Stage(blocks=3, channels=112, kernel=5, stride=1),
    Stage(blocks=4, channels=192, kernel=5, stride=2),
    Stage(blocks=1, channels=320, kernel=3, stride=1),
)


class SameConv(nn.Conv2d):
    """A convolution whose output is ceil(input / stride) wide; what is odd is padded at the end."""

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D, ceil(H / stride), ceil(W / stride))."""
        margins: list[int] = []
        for axis in (-1, -2):
            kernel, stride, size = self.kernel_size[axis], self.stride[axis], images.shape[axis]
            missing = max(0, (-(-size // stride) - 1) * stride + kernel - size)
            margins += [missing // 2, missing - missing // 2]
        return super().forward(functional.pad(images, margins))


class Block(nn.Module):
    """An inverted residual."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, widen: int) -> None:
        super().__init__()
        wide = inputs * widen
        self.adds = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            *(_filtered(inputs, wide, 1) if widen > 1 else []),
            *_filtered(wide, wide, kernel, stride=stride, groups=wide),
            *_filtered(wide, outputs, 1)[:-1],
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride), both rounded up."""
        found: Tensor = self.layers(images)
        return found + images if self.adds else found


def efficientnet_lite0() -> nn.Sequential:
    """Build the network, without weights: (N, 3, H, W) in -1..1 -> scores (N, 1000)."""
    blocks, inputs = [], STEM
    for stage in STAGES:
        for number in range(stage.blocks):
            stride = stage.stride if number == 0 else 1
            blocks.append(Block(inputs, stage.channels, stage.kernel, stride, stage.widen))
            inputs = stage.channels
    return nn.Sequential(
        OrderedDict(
            stem=nn.Sequential(*_filtered(3, STEM, 3, stride=2)),
            blocks=nn.Sequential(*blocks),
            head=nn.Sequential(*_filtered(inputs, HEAD, 1)),
            mean=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            classes=nn.Linear(HEAD, CLASSES),
        )
    )


def _filtered(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    return [
        SameConv(inputs, outputs, kernel, stride=stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
        nn.ReLU6(inplace=True),
    ]
