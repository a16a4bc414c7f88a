"""A run's options, field by field over those of its deployment."""

import pytest

from tinyvideo.flows.run_options import RunOptions
from tinyvideo.flows.run_start.deployment_defaults import lay_over
from tinyvideo.flows.train_on_pool import TrainOptions

UP = {"folder": "/videos", "out": "/strips", "batch_videos": 64}
"""As `tinyvideo up --folder` and an operator have set it."""


def test_what_a_run_says_wins_and_what_it_does_not_say_stays():
    both = lay_over(RunOptions.model_validate({"batch_videos": 4}), UP)
    assert both.model_dump(mode="json", exclude_unset=True) == {**UP, "batch_videos": 4}


def test_saying_the_usual_value_is_saying_it():
    assert lay_over(RunOptions.model_validate({"batch_videos": 256}), UP).batch_videos == 256


@pytest.mark.parametrize(
    "source",
    [
        {"search": {"tags": "beach"}},
        {"urls": "/list.txt"},
        {"bucket": "s3://films/all"},
        {"waiting_only": True},
    ],
    ids=lambda source: next(iter(source)),
)
def test_a_run_with_a_source_of_its_own_takes_none_from_the_deployment(source):
    both = lay_over(RunOptions.model_validate(source), UP)
    assert both.folder is None
    assert (both.out, both.batch_videos) == ("/strips", 64)


def test_thresholds_are_laid_over_one_another_by_name():
    under = {"config": {"stabilize": {"min_visible": 0.6, "inlier_px": 2.0}, "tag": {"top": 3}}}
    asked = RunOptions.model_validate({"config": {"stabilize": {"min_visible": 0.7}}})
    assert lay_over(asked, under).config == {
        "stabilize": {"min_visible": 0.7, "inlier_px": 2.0},
        "tag": {"top": 3},
    }


def test_a_training_takes_its_output_from_the_deployment():
    asked = TrainOptions.model_validate({"dataset": "beach", "more": {"seed": 2}})
    both = lay_over(asked, {"out": "/strips", "more": {"seed": 1, "k": 3}})
    assert (both.dataset, both.out, both.more) == ("beach", "/strips", {"seed": 2, "k": 3})
