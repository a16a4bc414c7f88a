"""A dataset's strips -> batches of clips, in an order that a seed decides.

buffers       Memory of batches and row groups, filled again once nobody looks at them
clip_dataset  A dataset's strips as PyTorch's own: an `IterableDataset`, for any `DataLoader`
clip_order    Which clip comes at which position of training: a function of the seed and the
              position only
clip_shape    Of a strip what a clip is to show: at which size, how many frames, every which
float_loader  The loader's batches as networks take them: floats in [-1, 1], on their device
loader        A dataset's strips -> batches of clips, read ahead and decoded by threads
row_groups    The row groups that the next clips come from: read ahead, held while they are needed
"""

from tinyvideo.models.data.clip_dataset import ClipDataset, SampleConfig
from tinyvideo.models.data.clip_shape import ClipShape
from tinyvideo.models.data.float_loader import FloatLoader
from tinyvideo.models.data.loader import LoadConfig, Loader

__all__ = [
    "ClipDataset",
    "ClipShape",
    "FloatLoader",
    "LoadConfig",
    "Loader",
    "SampleConfig",
]
