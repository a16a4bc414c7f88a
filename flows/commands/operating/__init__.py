"""`up`, `down`, `deploy`, `worker`, `doctor`, `settings`: Prefect on this machine; `catalog`.

catalog_group     The commands `tinyvideo catalog rebuild|adopt|backup`
crawl_schedules   `deploy --schedule`: a crawl at set times, as Prefect has them
machine_commands  All of them, as they are typed
installed_copies  Which copy of tinyvideo runs, and where others lie that may be meant
machine_check     What `tinyvideo doctor` does: is this machine fit, and what to do where it is not
show_settings     What `tinyvideo settings` does: every setting, its value, and who has said so
up_and_down       What `tinyvideo up` and `down` do: all of Prefect on one machine, without Docker
"""

from tinyvideo.flows.commands.operating.catalog_group import catalog_app
from tinyvideo.flows.commands.operating.machine_commands import (
    deploy,
    doctor,
    down,
    settings,
    up,
    worker,
)

__all__ = [
    "catalog_app",
    "deploy",
    "doctor",
    "down",
    "settings",
    "up",
    "worker",
]
