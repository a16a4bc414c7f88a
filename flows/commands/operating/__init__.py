"""`up`, `down`, `deploy`, `doctor`, `settings`: Prefect on this machine.

machine_check  The command `tinyvideo doctor`: is this machine fit, and what to do where it is
               not
show_settings  The command `tinyvideo settings`: every setting, its value, and who has said so
up_and_down    The commands `tinyvideo up` and `tinyvideo down`: all of Prefect on one machine,
               without Docker
"""

from tinyvideo.flows.commands.operating.machine_check import doctor
from tinyvideo.flows.commands.operating.show_settings import settings
from tinyvideo.flows.commands.operating.up_and_down import deploy, down, up

__all__ = [
    "deploy",
    "doctor",
    "down",
    "settings",
    "up",
]
