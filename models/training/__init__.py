"""A training run from its first step to its last: loop, alarms, curves, forecast.

alarms           Signs that a GAN has collapsed: told once, as one sentence each, when they
                 begin
forecast         What a run will take, before it starts: parameters, memory, time per step and
                 in all
tensorboard_log  What TensorBoard shows of a run: curves, and generated clips in their parts, as
                 they move
train            Train a VGAN on a dataset, so that it can be stopped anywhere and goes on
                 exactly there
train_loop       The loop of a training run: steps, figures, pictures, checkpoints, and what to
                 do on an alarm
"""

from tinyvideo.models.training.forecast import forecast
from tinyvideo.models.training.train import check_enough, train
from tinyvideo.models.training.train_loop import Events

__all__ = [
    "Events",
    "check_enough",
    "forecast",
    "train",
]
