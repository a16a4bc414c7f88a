"""Order, retries, limits, parameters, pages: Prefect and the command line.

    cli                  the command `tinyvideo`                 START HERE as a user
    commands/            what each command does
    crawl_and_stabilize  flow: source of videos -> shards        START HERE as a reader
    crawl                sources -> the catalog
    fan_out              its batches as runs of a pool, or here
    make_shard           flow: one batch -> one shard
    held_batch, attempts a batch while a run works on it, and how often it may try
    fetch, budget        films from elsewhere, at the pace that hosts permit
    pool, worker         videos in processes that can be killed; engine: on Dask or Ray
    build_dataset        flow: shards -> training set
    train                flow: training set -> checkpoint
    train_on_pool, torchrun   the same with all GPUs of a worker
    machine/             Prefect on a machine: server, workers, deployments
    monitor, board       what Prefect's page shows
    options, search_options   what runs are told; settings, place: what machines are
    repair, takedowns    a broken shard anew; what a takedown touches beside storage
    imitation/           Flickr with all its vices               START at its server.py
    report/              the page                                START at report/page.py
    console, stopping    what the terminal shows, and how a command ends

The work itself is imported from `models`, `storage` and `pipeline`.
"""
