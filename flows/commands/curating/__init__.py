"""`run`, `stabilize`, `render`, `report`: films in, strips out.

render_films     `tinyvideo render`: cut the strips of a film anew from homographies that are
                 stored
run              `tinyvideo run`: the flow `crawl-and-stabilize`, with a server and progress
                 bars
stabilize_films  `tinyvideo stabilize`: films in, strips and camera paths out, without catalog
                 or server
"""

from tinyvideo.flows.commands.curating.render_films import render_film
from tinyvideo.flows.commands.curating.run import (
    announced_server,
    check_free,
    run_flow,
    run_folder,
    show_page,
    stabilize_all,
)
from tinyvideo.flows.commands.curating.stabilize_films import stabilize_with_progress

__all__ = [
    "announced_server",
    "check_free",
    "render_film",
    "run_flow",
    "run_folder",
    "show_page",
    "stabilize_all",
    "stabilize_with_progress",
]
