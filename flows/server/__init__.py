"""Prefect's server as we start it: locked, with a password, found again, and ended.

locked_server   Prefect's server behind a lock: deaf to every name and every page but its own
private_server  A private Prefect server, for whoever has none: started on a free loopback port,
                and ended
processes       Processes that outlive the command that started them, and can be told from
                strangers
server_answers  Does a Prefect server answer, and does it let us in: a sentence where it does
                not
server_database Prefect's database in a file: who writes waits for the lock first, and is not
                refused half-way
server_password The password of a Prefect server that we start: random, in a file of its owner's,
                not elsewhere
"""

from tinyvideo.flows.server.private_server import logging_file, prefect_server
from tinyvideo.flows.server.processes import Processes, is_free
from tinyvideo.flows.server.server_answers import (
    ServerError,
    answers,
    ask,
    asks_for_password,
    require_server,
)
from tinyvideo.flows.server.server_password import (
    PASSWORD_FILE,
    SERVER,
    keep_password,
    log_in_link,
    password_for,
    read_password,
    server_environment,
    state_folder,
)

__all__ = [
    "PASSWORD_FILE",
    "SERVER",
    "Processes",
    "ServerError",
    "answers",
    "ask",
    "asks_for_password",
    "is_free",
    "keep_password",
    "log_in_link",
    "logging_file",
    "password_for",
    "prefect_server",
    "read_password",
    "require_server",
    "server_environment",
    "state_folder",
]
