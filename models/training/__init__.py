"""A training run from its first step to its last: loop, alarms, curves, forecast.

alarms           Signs that a GAN has collapsed: told once, as one sentence each, when they
                 begin
cost_forecast    What a run will take, before it starts: parameters, memory, time per step and
                 in all
tensorboard_log  What TensorBoard shows of a run: curves, and generated clips in their parts, as
                 they move
train_loop       The loop of a training run: steps, figures, pictures, checkpoints, and what to
                 do on an alarm
training_run     Train a VGAN on a dataset, so that it can be stopped anywhere and goes on
                 exactly there
"""

from tinyvideo.models.training.cost_forecast import forecast
from tinyvideo.models.training.train_loop import Events
from tinyvideo.models.training.training_run import TrainResult, check_enough, train

__all__ = [
    "Events",
    "TrainResult",
    "check_enough",
    "forecast",
    "train",
]
