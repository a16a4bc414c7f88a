"""Prefect on a machine: its server, its workers, and what both are told.

    server, answers      a private server, ended with whoever started it; does one answer
    processes            what `tinyvideo up` has started, and ends
    deployments, automations   pools, deployments, and what the server does by itself
    plugin               `prefect deployment run crawl-and-stabilize`, as it stands
    pool_worker          the command `worker`: takes runs from a pool
    run_worker, run_process    Prefect's worker, mended; the process of one run

Of the flows, only `fan_out` looks in here: it has to know what pools and deployments are called.
"""
