"""What a run that a worker starts looks at before it works.

attempts             That it may, and that it has not failed too often
deployment_defaults  What it was asked for, field by field over what its deployment says
one_at_a_time        That no other scheduled crawl is under way
"""

from tinyvideo.flows.run_start.attempts import refuse_hopeless_attempt, refuse_other_version
from tinyvideo.flows.run_start.deployment_defaults import over_defaults
from tinyvideo.flows.run_start.one_at_a_time import wait_for_turn

__all__ = [
    "over_defaults",
    "refuse_hopeless_attempt",
    "refuse_other_version",
    "wait_for_turn",
]
