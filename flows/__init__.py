"""Order, retries, limits, parameters, pages: Prefect and the command line.

    crawl_and_stabilize  the flow from a source to committed shards: START here
    make_shard           the flow of one batch: videos in, one shard out
    build_dataset        the flow from shards to a named training set
    train_on_pool        the flow that trains with all GPUs of a worker
    train_here           the same in the process of a command
    fan_out              batches -> flow runs, on a pool of workers or here
    sources/             finding videos and fetching films
    workers/             processes that curate videos, and the batch that they hold
    cluster              the same on Dask or Ray
    upkeep/              shards restored, takedowns finished, thresholds kept
    monitor/             what Prefect's page shows
    report/              the page report.html
    run_start/           what a run looks at before it works: may it, is it its turn, what was asked
    machine/             Prefect's workers and deployments on a machine
    server/              Prefect's server as we start it: locked, found again, and ended
    imitation/           an imitation of Flickr, with its vices
    cli, commands/       the command line; terminal/ is what it prints
    here/                memory and cores of this machine, or of its container
    settings             the only reader of the environment; which_output
    run_options, search_options    what a crawl is told
    run_process          the process of a flow run

Flows orchestrate and compute nothing: frames, tensors and rows stay in the packages below.
"""
