"""Prefect on a machine: its server, its workers, and what both are told.

automations     What Prefect's server does by itself: lost runs are found, done again, and told
                of for good
cancel_watch    A cancel reaches its run within seconds, after any outage of the server
deployments     The deployments: which flow waits on which pool, for `tinyvideo up` and for
                whoever has no yaml
locked_server   Prefect's server behind a lock: deaf to every name and every page but its own
only_ours       A worker runs the flows of its own package, as they are installed, and nothing
                else
pool_worker     What `tinyvideo worker POOL` does: takes flow runs from a pool and does them,
                until stopped
prefect_plugin  A plugin of Prefect's command line: `prefect deployment run
                crawl-and-stabilize`, as it stands
private_server  A private Prefect server, for whoever has none: started on a free loopback port,
                and ended
processes       Processes that outlive the command that started them, and can be told from
                strangers
run_worker      Prefect's process worker, which also knows what it was doing when it was stopped
server_answers  Does a Prefect server answer, and does it let us in: a sentence where it does
                not
server_password The password of a Prefect server that we start: random, in a file of its owner's,
                not elsewhere
torchrun        Training by all devices of this machine: torchrun, its processes, and their end
                with ours
"""

from tinyvideo.flows.machine.automations import automate
from tinyvideo.flows.machine.deployments import (
    CPU,
    DEPLOYMENTS,
    GPU,
    POOLS,
    SHARDS,
    deploy_all,
    load_flows,
    make_pools,
)
from tinyvideo.flows.machine.pool_worker import ENVIRONMENT, prepare_environment, work_for
from tinyvideo.flows.machine.private_server import prefect_server
from tinyvideo.flows.machine.processes import Processes, is_free
from tinyvideo.flows.machine.server_answers import (
    ServerError,
    answers,
    ask,
    asks_for_password,
    require_server,
)
from tinyvideo.flows.machine.server_password import (
    PASSWORD_FILE,
    SERVER,
    keep_password,
    log_in_link,
    password_for,
    read_password,
    server_environment,
    state_folder,
)
from tinyvideo.flows.machine.torchrun import Job, cause_of, start_training

__all__ = [
    "CPU",
    "DEPLOYMENTS",
    "ENVIRONMENT",
    "GPU",
    "PASSWORD_FILE",
    "POOLS",
    "SERVER",
    "SHARDS",
    "Job",
    "Processes",
    "ServerError",
    "answers",
    "ask",
    "asks_for_password",
    "automate",
    "cause_of",
    "deploy_all",
    "is_free",
    "keep_password",
    "load_flows",
    "log_in_link",
    "make_pools",
    "password_for",
    "prefect_server",
    "prepare_environment",
    "read_password",
    "require_server",
    "server_environment",
    "start_training",
    "state_folder",
    "work_for",
]
