"""`run`, `stabilize`, `render`, `report`: films in, strips out.

film_commands  `tinyvideo stabilize`: films in, strips and camera paths out, without catalog or
               server
render_films   `tinyvideo render`: cut the strips of a film anew from homographies that are
               stored
run            `tinyvideo run`: the flow `crawl-and-stabilize`, with a server and progress bars
"""

from tinyvideo.flows.commands.curating.film_commands import stabilize_with_progress
from tinyvideo.flows.commands.curating.render_films import render_film
from tinyvideo.flows.commands.curating.run import (
    announced_server,
    check_free,
    run_flow,
    run_folder,
    show_page,
    stabilize_all,
)

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
