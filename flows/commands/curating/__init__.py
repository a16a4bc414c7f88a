"""`run`, `status`, `report`, `config`, `stabilize`, `render`: films in, strips out.

config_command     `tinyvideo config`: every threshold with today's value and a sentence, as a file
output_commands    `tinyvideo run`, `status` and `report`, as they are typed
film_commands      `tinyvideo stabilize` and `render`, as they are typed
film_identity      Which film strips are of: name, size and hash, beside what was found in it
render_command     `tinyvideo render`: cut the strips of a film anew from homographies that are
                   stored
run_command        `tinyvideo run`: the flow `crawl-and-stabilize`, with a server and progress
                   bars
stabilize_command  `tinyvideo stabilize`: films in, strips and camera paths out, without catalog
                   or server
"""

from tinyvideo.flows.commands.curating.config_command import config
from tinyvideo.flows.commands.curating.film_commands import render, stabilize
from tinyvideo.flows.commands.curating.output_commands import report, run, status
from tinyvideo.flows.commands.curating.run_command import (
    announced_server,
    check_free,
    run_flow,
    show_page,
    stabilize_all,
)

__all__ = [
    "announced_server",
    "check_free",
    "config",
    "render",
    "report",
    "run",
    "run_flow",
    "show_page",
    "stabilize",
    "stabilize_all",
    "status",
]
