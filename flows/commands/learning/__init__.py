"""`train`, `generate`, `predict`: a dataset in, new videos out.

generate_predict  The commands `tinyvideo generate` and `tinyvideo predict`: what a checkpoint
                  can make
weights_group     The command `tinyvideo weights get`: weights of the scene classifier
train_command     The command `tinyvideo train`: a dataset of strips -> the checkpoints of a
                  VGAN
"""

from tinyvideo.flows.commands.learning.generate_predict import generate, predict
from tinyvideo.flows.commands.learning.train_command import train, training_position
from tinyvideo.flows.commands.learning.weights_group import weights_app

__all__ = [
    "generate",
    "predict",
    "train",
    "training_position",
    "weights_app",
]
