"""`up`, `down`, `deploy`, `doctor`, `settings`: Prefect on this machine.

doctor         The command `tinyvideo doctor`: is this machine fit, and what to do where it is
               not
show_settings  The command `tinyvideo settings`: every setting, its value, and who has said so
up             The commands `tinyvideo up` and `tinyvideo down`: all of Prefect on one machine,
               without Docker
"""

from tinyvideo.flows.commands.operating.doctor import doctor
from tinyvideo.flows.commands.operating.show_settings import settings
from tinyvideo.flows.commands.operating.up import deploy, down, up

__all__ = [
    "deploy",
    "doctor",
    "down",
    "settings",
    "up",
]
