"""Classifiers are checked on checkpoints the tests make, and on weights that are installed.

What a trained Places365 says about a picture is not tested: its weights cannot be had here.
"""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms
from torchvision.models import resnet18
from torchvision.models._meta import _IMAGENET_CATEGORIES

from tinyvideo.models.scenes import places
from tinyvideo.models.scenes.places import (
    PROXY_CLASSES,
    lite0_pixels,
    load_classifier,
    load_places,
    places_pixels,
    read_categories,
)
from tinyvideo.models.scenes.weights import PublishedFile, WeightsError
from tinyvideo.pipeline.tag import tag_shot


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def checkpoint():
    """As train_placesCNN.py saved it under PyTorch 0.2: no counters, everything below `module.`"""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = resnet18(weights=None, num_classes=365)
    state = network.state_dict()
    return {
        "epoch": 90,
        "arch": "resnet18",
        "state_dict": {
            f"module.{name}": tensor
            for name, tensor in state.items()
            if not name.endswith("num_batches_tracked")
        },
        "best_prec1": 54.7,
    }


@pytest.fixture
def save(tmp_path):
    def write(content):
        path = tmp_path / "resnet18_places365.pth.tar"
        torch.save(content, path, _use_new_zipfile_serialization=False)
        return path

    return write


@pytest.fixture(scope="module")
def proxy():
    return load_classifier(None)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)


class Answer(torch.nn.Module):
    """Gives the same K logits for every image."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, images):
        assert images.shape[1:] == (3, 224, 224)
        return self.logits.expand(len(images), -1)


# ---- Places365


def test_the_365_scenes_stand_in_the_order_of_the_outputs():
    categories = read_categories()
    names = list(categories)
    assert len(names) == 365
    assert [names[0], names[364]] == ["airfield", "zen_garden"]
    assert {names[index]: categories[names[index]] for index in (48, 164, 179, 337)} == {
        "beach": "outdoor",
        "golf_course": "outdoor",
        "hospital_room": "indoor",
        "train_station/platform": "indoor",
    }
    assert list(categories.values()).count("indoor") == 160
    assert list(categories.values()).count("outdoor") == 205


def test_an_old_checkpoint_answers_as_its_network_does(save, checkpoint):
    classifier = load_classifier(save(checkpoint))
    frames = noise(2, 90, 160)

    network = resnet18(weights=None, num_classes=365).eval()
    state = {name.removeprefix("module."): t for name, t in checkpoint["state_dict"].items()}
    network.load_state_dict(state, strict=False)  # the counters are missing
    with torch.no_grad():
        pixels = places_pixels(torch.from_numpy(frames).permute(0, 3, 1, 2))
        logits = network(pixels).numpy().astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))

    found = classifier(frames)
    assert classifier.model == "places365-resnet18"
    assert classifier.scenes == tuple(read_categories())
    assert found.shape == (2, 365)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, odds / odds.sum(axis=1, keepdims=True), rtol=1e-3)


def test_the_class_with_the_largest_bias_is_named(save, checkpoint):
    state = dict(checkpoint["state_dict"])
    state["module.fc.weight"] = torch.zeros(365, 512)
    state["module.fc.bias"] = torch.zeros(365)
    state["module.fc.bias"][48] = np.log(636.0)  # 636 against 364 ones: 0.636
    tags = tag_shot(noise(1, 64, 64), load_places(save(checkpoint | {"state_dict": state})))
    assert tags.model == "places365-resnet18"
    assert [tag.scene for tag in tags.tags][:2] == ["beach", "airfield"]
    assert [tag.probability for tag in tags.tags] == pytest.approx([0.636] + [0.001] * 4, abs=1e-6)


def test_a_gray_picture_becomes_the_constants_of_imagenet():
    pixels = places_pixels(torch.full((1, 3, 30, 50), 51, dtype=torch.uint8))  # 51 / 255 = 0.2
    wanted = [(0.2 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    assert pixels.shape == (1, 3, 224, 224)
    np.testing.assert_allclose(pixels.amin((0, 2, 3)), wanted, atol=1e-6)
    np.testing.assert_allclose(pixels.amax((0, 2, 3)), wanted, atol=1e-6)


@pytest.mark.parametrize("shape", [(540, 960), (120, 90)], ids=["shrink", "enlarge"])
def test_squashes_as_the_reference_does(shape):
    picture = noise(*shape)
    reference = transforms.Compose(
        [
            transforms.Resize((256, 256)),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )(Image.fromarray(picture))
    found = places_pixels(torch.from_numpy(picture[None]).permute(0, 3, 1, 2))[0]
    one_level = 1 / 255 / 0.224
    np.testing.assert_allclose(found, reference, atol=1.01 * one_level)


def test_a_checkpoint_in_half_precision_is_computed_in_full(save, checkpoint):
    state = {name: tensor.half() for name, tensor in checkpoint["state_dict"].items()}
    classifier = load_places(save(checkpoint | {"state_dict": state}))
    assert classifier.network.fc.weight.dtype == torch.float32


def test_frames_may_be_read_only_or_mirrored(save, checkpoint):
    classifier = load_places(save(checkpoint))
    frames = noise(1, 64, 64)
    frames.flags.writeable = False
    upright = np.ascontiguousarray(frames[:, :, ::-1])
    np.testing.assert_array_equal(classifier(frames[:, :, ::-1]), classifier(upright))


def test_wrong_frames_are_a_bug(save, checkpoint):
    with pytest.raises(ValueError, match="want RGB frames"):
        load_places(save(checkpoint))(noise(1, 64, 64).astype(np.float32))


# ---- wrong files


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"arch": "alexnet"}, "architecture is 'alexnet'", id="other-network"),
        pytest.param({"arch": "resnet50"}, "do not fit resnet50", id="mislabeled"),
        pytest.param({"state_dict": {}}, "do not fit resnet18: .*Missing key", id="no-tensors"),
        pytest.param({"state_dict": None}, "holds no `arch` and `state_dict`", id="no-state"),
    ],
)
def test_a_wrong_checkpoint_is_refused_in_one_sentence(save, checkpoint, change, message):
    path = save(checkpoint | change)
    with pytest.raises(WeightsError, match=message) as caught:
        load_places(path)
    assert str(path) in str(caught.value)
    assert "tinyvideo weights get places365" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_number_of_classes_is_refused(save, checkpoint):
    state = checkpoint["state_dict"] | {"module.fc.bias": torch.zeros(401)}
    with pytest.raises(WeightsError, match=r"do not fit resnet18: .*fc\.bias"):
        load_places(save(checkpoint | {"state_dict": state}))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "EOFError", id="empty"),
        pytest.param(b"hello\n", "KeyError", id="word"),
        pytest.param(b"# Title\n", "UnpicklingError Unsupported operand 35", id="text"),
        pytest.param(b"PK\x03\x04", "RuntimeError .*: not a ZIP archive", id="broken-archive"),
        pytest.param(b"\x80\x02}q", "IndexError", id="broken-pickle"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content, reason):
    path = tmp_path / "weights"
    path.write_bytes(content)
    sentence = f"^{path} is not a Places365 checkpoint: {reason}.*; fetch one with [^\n]*$"
    with pytest.raises(WeightsError, match=sentence):
        load_places(path)


def test_half_a_checkpoint_is_refused(save, checkpoint):
    path = save(checkpoint)
    path.write_bytes(path.read_bytes()[: 10**6])
    with pytest.raises(WeightsError, match="is not a Places365 checkpoint"):
        load_places(path)


def test_a_missing_file_keeps_the_true_text(tmp_path):
    with pytest.raises(WeightsError, match=r"cannot read .*none: No such file or directory"):
        load_places(tmp_path / "none")


def test_only_the_published_file_may_hold_more_than_tensors(save, checkpoint):
    path = save(checkpoint | {"best_prec1": np.float64(54.7)})
    with pytest.raises(WeightsError, match="UnpicklingError Unsupported global: GLOBAL numpy"):
        load_places(path)

    content = path.read_bytes()
    known = PublishedFile(url="", size=len(content), sha256=sha256(content).hexdigest())
    assert load_places(path, {"resnet18": known}).model == "places365-resnet18"


def test_code_in_a_checkpoint_does_not_run(tmp_path):
    trap, path = tmp_path / "trap", tmp_path / "weights"

    class Trap:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    torch.save({"arch": Trap(), "state_dict": {}}, path)
    with pytest.raises(WeightsError, match=r"Unsupported global: GLOBAL .*open"):
        load_places(path)
    assert not trap.exists()


# ---- the ImageNet proxy


def test_proxy_classes_are_the_objects_they_should_be():
    names = {scene: {_IMAGENET_CATEGORIES[i] for i in ids} for scene, ids in PROXY_CLASSES.items()}
    assert names == {
        "proxy:beach": {"seashore", "sandbar"},
        "proxy:golf_course": {"golf ball", "golfcart"},
        "proxy:train_station": {
            "bullet train",
            "electric locomotive",
            "steam locomotive",
            "passenger car",
        },
        "proxy:hospital_room": {"crib", "bassinet", "cradle", "diaper", "bib", "nipple"},
    }


def test_a_proxy_is_never_a_scene_of_places(proxy):
    assert proxy.model == "imagenet-proxy"
    assert proxy.scenes == tuple(PROXY_CLASSES)
    assert not set(proxy.scenes) & set(read_categories())


def test_the_proxy_adds_up_its_classes(proxy):
    logits = np.zeros(1000, np.float32)
    logits[[977, 978]] = np.log(251.0)  # 2 x 251 against 998 ones: 502 of 1500
    found = replace(proxy, network=Answer(logits))(noise(2, 64, 64))
    np.testing.assert_allclose(found, [[502 / 1500, 2 / 1500, 4 / 1500, 6 / 1500]] * 2, rtol=1e-5)


def test_a_sum_of_shares_never_passes_one(proxy):
    logits = np.random.default_rng(0).normal(size=(64, 1000)).astype(np.float32)
    everything = torch.ones(1000, 1)
    found = replace(proxy, network=Answer(logits), membership=everything)(noise(64, 8, 8))
    np.testing.assert_allclose(found, 1, rtol=1e-5)
    assert found.max() <= 1


def ball_on_grass(dimple_depth):
    y, x = np.mgrid[0:256, 0:256].astype(float)
    u, v = (x - 128) / 80, (y - 128) / 80  # the ball has a radius of 80 pixels
    toward_eye = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
    light = np.clip(0.35 + 0.7 * (0.5 * toward_eye - 0.45 * u - 0.5 * v), 0.2, 1)
    bumps = np.cos(16 * np.arcsin(u.clip(-1, 1))) * np.cos(16 * np.arcsin(v.clip(-1, 1)))
    light *= 1 - dimple_depth * (bumps > 0.35)
    grass = np.array([60, 130, 50]) + np.random.default_rng(0).normal(0, 18, (256, 256, 1))
    on_ball = (u * u + v * v < 1)[..., None]
    return np.where(on_ball, 245 * light[..., None], grass).clip(0, 255).astype(np.uint8)[None]


def test_the_installed_weights_know_a_golf_ball_by_its_dimples(proxy):
    tags = tag_shot(ball_on_grass(dimple_depth=0.18), proxy)
    assert tags.tags[0].scene == "proxy:golf_course"
    assert tags.tags[0].probability == pytest.approx(0.95, abs=0.01)  # as measured
    assert sum(tag.probability for tag in tags.tags) <= 1
    assert tags == tag_shot(ball_on_grass(dimple_depth=0.18), proxy)

    smooth = tag_shot(ball_on_grass(dimple_depth=0), proxy)  # a ping-pong ball, says the network
    assert smooth.tags[0].probability < 0.1


def test_a_gray_picture_is_scaled_as_tensorflow_does():
    pixels = lite0_pixels(torch.full((1, 3, 30, 50), 191, dtype=torch.uint8))
    assert pixels.shape == (1, 3, 224, 224)
    assert pixels.unique().tolist() == [0.5]  # (191 - 127) / 128


@pytest.mark.parametrize("shape", [(256, 320), (320, 256)], ids=["landscape", "portrait"])
def test_the_proxy_sees_the_central_square(shape):
    height, width = shape
    top, left = (height - 224) // 2, (width - 224) // 2
    picture = noise(height, width)
    found = lite0_pixels(torch.from_numpy(picture[None]).permute(0, 3, 1, 2))[0]
    square = picture[top : top + 224, left : left + 224]  # 7/8 of 256: nothing to resize
    np.testing.assert_array_equal(found.permute(1, 2, 0), (square.astype(np.float32) - 127) / 128)


def test_resizes_as_the_reference_does():
    picture = noise(480, 640)
    reference = Image.fromarray(picture[30:450, 110:530]).resize(
        (224, 224), Image.Resampling.BICUBIC
    )
    found = lite0_pixels(torch.from_numpy(picture[None]).permute(0, 3, 1, 2))[0].permute(1, 2, 0)
    np.testing.assert_allclose(found * 128 + 127, np.asarray(reference, np.float32), atol=1.01)


def test_a_single_pixel_is_still_a_picture(proxy):
    assert proxy(noise(1, 1, 1)).shape == (1, 4)


@pytest.mark.parametrize(
    ("package", "message"),
    [
        pytest.param("no_such_package", "missing: install no-such-package==0.1.0", id="missing"),
        pytest.param(
            "tinyvideo.models.scenes",
            "has SHA-256 .*: install tinyvideo.models.scenes==0.1.0",
            id="changed",
        ),
    ],
)
def test_weights_of_the_proxy_that_are_not_the_tried_ones(monkeypatch, package, message):
    monkeypatch.setattr(places, "LITE0_PACKAGE", package)
    monkeypatch.setattr(places, "LITE0_FILE", "places365_categories.txt")
    with pytest.raises(WeightsError, match=message):
        load_classifier(None)


def test_sets_the_threads_it_is_given():
    load_classifier(None, threads=2)
    assert torch.get_num_threads() == 2
