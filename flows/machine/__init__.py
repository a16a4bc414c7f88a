"""Prefect on a machine: its server, its workers, and what both are told.

answers      Does a Prefect server answer, and does it let us in: a sentence where it does not
automations  What Prefect's server does by itself: lost runs are found, done again, and told of
             for good
deployments  The deployments: which flow waits on which pool, for `tinyvideo up` and for whoever
             has no yaml
plugin       A plugin of Prefect's command line: `prefect deployment run crawl-and-stabilize`,
             as it stands
pool_worker  The command `tinyvideo worker POOL`: takes flow runs from a pool and does them,
             until stopped
processes    Processes that outlive the command that started them, and can be told from
             strangers
run_process  The process of a flow run that a worker starts: Prefect's engine, and nothing else
             to import
run_worker   Prefect's process worker, which also knows what it was doing when it was stopped
server       A private Prefect server, for whoever has none: started on a free loopback port,
             and ended
"""
