"""Our EfficientNet-Lite0 is that of timm, whose authors converted it from TensorFlow's."""

import pytest
import torch
from timm.models.efficientnet import tf_efficientnet_lite0

from tinyvideo.models.scenes.lite0 import SameConv, efficientnet_lite0


def test_it_answers_as_timm_does_with_the_same_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = tf_efficientnet_lite0(pretrained=False).eval()
        images = torch.rand(2, 3, 97, 65) * 2 - 1  # odd sizes: what is padded differs by side
    ours = efficientnet_lite0().eval()
    state = theirs.state_dict().values()
    ours.load_state_dict(dict(zip(ours.state_dict(), state, strict=True)), strict=True)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images))


def test_it_has_as_many_weights_as_the_paper_says():
    assert sum(weight.numel() for weight in efficientnet_lite0().parameters()) == 4_652_008


@pytest.mark.parametrize(
    ("size", "stride", "sums"),
    [
        (4, 2, [3, 5]),  # 0 1 2 | 2 3 and padding
        (5, 2, [1, 6, 7]),  # padding 0 1 | 1 2 3 | 3 4 padding
        (3, 1, [1, 3, 3]),  # padding 0 1 | 0 1 2 | 1 2 padding
    ],
    ids=["even", "odd", "every-pixel"],
)
def test_what_is_odd_is_padded_at_the_end(size, stride, sums):
    conv = SameConv(1, 1, (1, 3), stride=(1, stride), bias=False)
    torch.nn.init.ones_(conv.weight)
    pixels = torch.arange(size, dtype=torch.float32).view(1, 1, 1, size)
    assert conv(pixels).flatten().tolist() == sums
