"""Generated clips are the network's output, the same bytes for the same seed, and whole files."""

import dataclasses
import json
import math
import re
from pathlib import Path

import av
import numpy as np
import pytest
import simplejpeg
import torch
from PIL import Image, ImageSequence

from tinyvideo.models.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tinyvideo.models.step.trainer import Trainer
from tinyvideo.models.step_metrics import StepMetrics
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training_errors import CheckpointError
from tinyvideo.models.use.generation import generate
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip

WIDTH = 2
SEED = 11


@pytest.fixture(scope="module")
def checkpoint_path(tmp_path_factory):
    """A checkpoint whose weights are large enough to paint something."""
    trainer = Trainer(TrainConfig(width=WIDTH, batch=1, steps=1), "ab" * 32)
    metrics = StepMetrics(
        step=1,
        discriminator_loss=1.0,
        generator_loss=1.0,
        accuracy_real=0.5,
        accuracy_fake=0.5,
        mask_mean=0.5,
        clips_per_second=1.0,
    )
    checkpoint: Checkpoint = trainer.checkpoint(metrics)
    for name, weight in checkpoint.generator.items():
        if weight.ndim > 1:
            checkpoint.generator[name] = weight * 20
    return save_checkpoint(tmp_path_factory.mktemp("run"), checkpoint)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def read_gray(path):
    return simplejpeg.decode_jpeg(path.read_bytes(), colorspace="GRAY")


def test_writes_the_clips_their_parts_and_an_index(checkpoint_path, tmp_path):
    clips = generate(checkpoint_path, 2, SEED, tmp_path)
    strips = ["background.jpg", "foreground.jpg", "mask.jpg", "video.jpg"]
    films = ["foreground.gif", "mask.gif", "video.gif", "video.mp4"]
    files = [f"{SEED}-{k}/{part}" for k in (0, 1) for part in sorted(strips + films)]
    assert sorted(contents(tmp_path)) == [*files, "index.html", "index.json"]
    for clip in clips:
        assert decode_strip(clip.video.read_bytes()).shape == (32, 64, 64, 3)
        assert decode_strip(clip.foreground.read_bytes()).shape == (32, 64, 64, 3)
        assert read_gray(clip.mask).shape == (32 * 64, 64, 1)
        assert simplejpeg.decode_jpeg_header(clip.mask.read_bytes())[2] == "Gray"
        assert simplejpeg.decode_jpeg(clip.background.read_bytes()).shape == (64, 64, 3)


def test_index_tells_where_everything_is_and_comes_from(checkpoint_path, tmp_path):
    clips = generate(checkpoint_path, 2, SEED, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    assert index["checkpoint"] == "step-00000000.pt"
    assert (index["step"], index["width"], index["seed"]) == (0, WIDTH, SEED)
    assert index["manifest_id"] == "ab" * 32
    assert [tmp_path / entry["video"] for entry in index["clips"]] == [c.video for c in clips]
    assert index["clips"][1] == {
        "seed": SEED,
        "number": 1,
        "mask_mean": clips[1].mask_mean,
        "video": f"{SEED}-1/video.jpg",
        "foreground": f"{SEED}-1/foreground.jpg",
        "mask": f"{SEED}-1/mask.jpg",
        "background": f"{SEED}-1/background.jpg",
    }


def test_pictures_show_the_parts_and_their_composition(checkpoint_path, tmp_path):
    flat = load_checkpoint(checkpoint_path)
    # Without weights the last layers paint their biases, in every pixel.
    flat.generator["head.weight"].zero_()
    flat.generator["head.bias"].copy_(torch.tensor([0.5, 0.0, -0.5, 0.0]).atanh())
    flat.generator["head.bias"][3] = math.log(3)  # sigmoid: 3 / 4
    flat.generator["background.12.weight"].zero_()
    flat.generator["background.12.bias"].copy_(torch.tensor([-0.5, -0.5, 0.5]).atanh())
    (clip,) = generate(save_checkpoint(tmp_path, flat), 1, SEED, tmp_path / "out")

    def color_of(path):
        picture = simplejpeg.decode_jpeg(path.read_bytes()).astype(float)
        assert picture.std(axis=(0, 1)).max() < 1
        return picture.mean(axis=(0, 1))

    # (color + 1) * 127.5; the video is 3/4 foreground and 1/4 background
    np.testing.assert_allclose(color_of(clip.foreground), [191.25, 127.5, 63.75], atol=2)
    np.testing.assert_allclose(color_of(clip.background), [63.75, 63.75, 191.25], atol=2)
    np.testing.assert_allclose(color_of(clip.video), [159.4, 111.6, 95.6], atol=2)
    assert read_gray(clip.mask).mean() == pytest.approx(0.75 * 255, abs=1)
    assert clip.mask_mean == pytest.approx(0.75, abs=1e-6)


def test_uses_the_variances_of_training_not_those_of_the_clip(checkpoint_path, tmp_path):
    calm = load_checkpoint(checkpoint_path)
    # Divided by so large a deviation, nothing is left of the pictures but the biases, all 0.
    for layer in ("trunk.10", "background.10"):
        calm.generator[f"{layer}.running_var"].fill_(1e20)
    (clip,) = generate(save_checkpoint(tmp_path, calm), 1, SEED, tmp_path / "out")
    for path in (clip.video, clip.background):
        np.testing.assert_allclose(simplejpeg.decode_jpeg(path.read_bytes()), 127.5, atol=1)


def test_same_seed_same_bytes_whatever_the_number_of_clips(checkpoint_path, tmp_path):
    generate(checkpoint_path, 2, SEED, tmp_path / "one")
    generate(checkpoint_path, 2, SEED, tmp_path / "two")
    generate(checkpoint_path, 3, SEED, tmp_path / "more")
    generate(checkpoint_path, 2, SEED + 1, tmp_path / "other")
    one, more, other = (contents(tmp_path / name) for name in ("one", "more", "other"))
    assert contents(tmp_path / "two") == one
    assert all(more[name] == one[name] for name in one if not name.startswith("index."))
    assert other[f"{SEED + 1}-0/video.jpg"] != one[f"{SEED}-0/video.jpg"]
    assert one[f"{SEED}-1/video.jpg"] != one[f"{SEED}-0/video.jpg"]


def test_existing_outputs_are_replaced_and_nothing_else_is_touched(checkpoint_path, tmp_path):
    generate(checkpoint_path, 1, SEED, tmp_path)
    expected = contents(tmp_path)
    (tmp_path / f"{SEED}-0" / "video.jpg").write_bytes(b"old")
    (tmp_path / "mine.txt").write_text("keep")
    generate(checkpoint_path, 1, SEED, tmp_path)
    assert contents(tmp_path) == {**expected, "mine.txt": b"keep"}


def test_a_file_is_renamed_into_place_when_it_is_whole(checkpoint_path, tmp_path, monkeypatch):
    rename, sizes = Path.replace, []

    def watched(self, target):
        sizes.append((target.name, self.stat().st_size))
        assert not target.exists()
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    generate(checkpoint_path, 1, SEED, tmp_path)
    assert sizes == [(name, (next(tmp_path.rglob(name))).stat().st_size) for name, _ in sizes]
    assert [name for name, _ in sizes][-2:] == ["index.json", "index.html"]


@pytest.mark.parametrize(("count", "seed"), [(0, 1), (1, -1), (1, 2**63)])
def test_impossible_numbers_are_refused(checkpoint_path, tmp_path, count, seed):
    with pytest.raises(ValueError, match=f"got {count} and {seed}"):
        generate(checkpoint_path, count, seed, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_broken_checkpoint_leaves_the_output_alone(tmp_path):
    (tmp_path / "c.pt").write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match=r"c\.pt is not a whole checkpoint"):
        generate(tmp_path / "c.pt", 1, SEED, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_gif_and_mp4_show_the_strip(checkpoint_path, tmp_path):
    (clip,) = generate(checkpoint_path, 1, SEED, tmp_path)
    strip = decode_strip(clip.video.read_bytes()).mean(axis=-1)  # JPEG and MP4 halve the color
    with Image.open(clip.video.with_suffix(".gif")) as gif:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(gif)]
    assert len(frames) == 32
    assert np.abs(np.stack(frames).mean(axis=-1) - strip).mean() < 16  # 256 colors for noise
    with av.open(clip.video.with_suffix(".mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 32
    assert np.abs(np.stack(frames).mean(axis=-1) - strip).mean() < 6


def test_the_page_shows_every_clip_and_its_parts(checkpoint_path, tmp_path):
    generate(checkpoint_path, 2, SEED, tmp_path)
    page = (tmp_path / "index.html").read_text()
    sources = re.findall(r'src="([^"]+)"', page)
    parts = ("video.gif", "foreground.gif", "mask.gif", "background.jpg")
    assert sources == [f"{SEED}-{k}/{part}" for k in (0, 1) for part in parts]
    assert all((tmp_path / source).exists() for source in sources)


def test_the_way_leads_from_clip_0_to_clip_1(checkpoint_path, tmp_path):
    ends = generate(checkpoint_path, 2, SEED, tmp_path / "ends")
    way = generate(checkpoint_path, 3, SEED, tmp_path / "way", way=True)
    assert [clip.video.parent.name for clip in way] == [f"{SEED}-way-{k}" for k in range(3)]
    first, middle, last = (decode_strip(clip.video.read_bytes()).astype(int) for clip in way)
    start, end = (decode_strip(clip.video.read_bytes()).astype(int) for clip in ends)
    assert np.abs(first - start).max() <= 1  # the arc's ends are rounded in fp32
    assert np.abs(last - end).max() <= 1
    assert np.abs(middle - start).mean() > 1
    with pytest.raises(ValueError, match="count must be above 1"):
        generate(checkpoint_path, 1, SEED, tmp_path / "way", way=True)


def test_the_moving_average_is_shown_where_there_is_one(checkpoint_path, tmp_path):
    both = load_checkpoint(checkpoint_path)
    calm = {name: torch.zeros_like(weight) for name, weight in both.generator.items()}
    path = save_checkpoint(tmp_path, dataclasses.replace(both, ema=calm))
    (clip,) = generate(path, 1, SEED, tmp_path / "out")
    np.testing.assert_allclose(decode_strip(clip.video.read_bytes()), 127.5, atol=1)


def test_a_folder_means_its_newest_checkpoint(checkpoint_path, tmp_path):
    state = load_checkpoint(checkpoint_path)
    for step in (3, 7):
        save_checkpoint(tmp_path / "run", dataclasses.replace(state, step=step))
    generate(tmp_path / "run", 1, SEED, tmp_path / "out")
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert (index["checkpoint"], index["step"]) == ("step-00000007.pt", 7)
    with pytest.raises(CheckpointError, match="there is no checkpoint in"):
        generate(tmp_path / "out", 1, SEED, tmp_path / "out")


SPOILS = {
    "another width": ({"width": 4}, "does not hold the weights of the network of width 4"),
    "another version": ({"dream": 1}, "is of another tinyvideo: .*dream"),
}


@pytest.mark.parametrize(("changes", "text"), SPOILS.values(), ids=SPOILS)
def test_weights_that_do_not_fit_are_one_sentence(checkpoint_path, tmp_path, changes, text):
    state = load_checkpoint(checkpoint_path)
    path = save_checkpoint(tmp_path, dataclasses.replace(state, config={**state.config, **changes}))
    with pytest.raises(CheckpointError, match=text) as caught:
        generate(path, 1, SEED, tmp_path / "out")
    assert "\n" not in str(caught.value)
