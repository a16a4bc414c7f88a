"""An imitation of Flickr on this machine, with its vices: to try a crawl without a key.

faults          What goes wrong between a client and Flickr, at a rate, and the same for the
                same seed
film_files      Films of the imitation: which files a video has, where they are, and their bytes
flickr_server   The hosts of Flickr on loopback: an HTTPS proxy that answers itself, and its own
                log
host_answers    What each host of Flickr answers, and how a fault spoils the answer
population      Who uploaded what and when: a population of videos that depends on nothing but
                its seed
rest_api        The REST interface of Flickr: methods by name, answers as JSON, errors with HTTP
                200
search_answers  flickr.photos.search as it is: the cap, pages that repeat, totals that are only
                about right
truth           What a crawl has to find, and how it has to end with each video, from the
                population alone
vices           Vices of a search that a crawl has to survive, each of which can be switched on
"""

from tinyvideo.flows.imitation.faults import FaultConfig
from tinyvideo.flows.imitation.flickr_server import (
    KEY,
    SECRET,
    Imitation,
    ImitationConfig,
    imitate_flickr,
    most_in,
)
from tinyvideo.flows.imitation.population import EVERY, Population, PopulationConfig
from tinyvideo.flows.imitation.search_answers import SearchConfig, least_calls
from tinyvideo.flows.imitation.truth import findable_videos, wrong_ends
from tinyvideo.flows.imitation.vices import Vice

__all__ = [
    "EVERY",
    "KEY",
    "SECRET",
    "FaultConfig",
    "Imitation",
    "ImitationConfig",
    "Population",
    "PopulationConfig",
    "SearchConfig",
    "Vice",
    "findable_videos",
    "imitate_flickr",
    "least_calls",
    "most_in",
    "wrong_ends",
]
