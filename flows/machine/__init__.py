"""Prefect on a machine: its workers, its deployments, and what both are told.

automations     What Prefect's server does by itself: lost runs are found, done again, and told
                of for good
cancel_watch    A cancel reaches its run within seconds, after any outage of the server
deployments     The deployments: which flow waits on which pool, for `tinyvideo up` and for
                whoever has no yaml
only_ours       A worker runs the flows of its own package, as they are installed, and nothing
                else
pool_worker     What `tinyvideo worker POOL` does: takes flow runs from a pool and does them,
                until stopped
prefect_plugin  A plugin of Prefect's command line: `prefect deployment run
                crawl-and-stabilize`, as it stands
run_worker      Prefect's process worker, which also knows what it was doing when it was stopped
torchrun        Training by all devices of this machine: torchrun, its processes, and their end
                with ours
"""

from tinyvideo.flows.machine.automations import LOST_BATCH, automate
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
from tinyvideo.flows.machine.torchrun import Job, cause_of, start_training

__all__ = [
    "CPU",
    "DEPLOYMENTS",
    "ENVIRONMENT",
    "GPU",
    "LOST_BATCH",
    "POOLS",
    "SHARDS",
    "Job",
    "automate",
    "cause_of",
    "deploy_all",
    "load_flows",
    "make_pools",
    "prepare_environment",
    "start_training",
    "work_for",
]
