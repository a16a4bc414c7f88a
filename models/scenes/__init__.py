"""Networks that name the scene of a picture, and their weights.

lite0    EfficientNet-Lite0, the network of the scene proxy: 16 inverted residuals, 4.7 M
         weights
places   Classifiers of scenes: Places365, and a stand-in that works without its weights
weights  Fetch the published Places365 weights, and know a good file from a bad one
"""

from tinyvideo.models.scenes.places import load_classifier, load_places
from tinyvideo.models.scenes.weights import fetch_places365

__all__ = [
    "fetch_places365",
    "load_classifier",
    "load_places",
]
