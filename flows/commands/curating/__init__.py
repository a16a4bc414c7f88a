"""`run`, `stabilize`, `render`, `report`: films in, strips out.

render_command     `tinyvideo render`: cut the strips of a film anew from homographies that are
                   stored
run_command        `tinyvideo run`: the flow `crawl-and-stabilize`, with a server and progress
                   bars
stabilize_command  `tinyvideo stabilize`: films in, strips and camera paths out, without catalog
                   or server
"""

from tinyvideo.flows.commands.curating.render_command import render_film
from tinyvideo.flows.commands.curating.run_command import (
    announced_server,
    check_free,
    run_flow,
    run_folder,
    show_page,
    stabilize_all,
)
from tinyvideo.flows.commands.curating.stabilize_command import stabilize_with_progress

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
