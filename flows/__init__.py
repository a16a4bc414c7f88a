"""Order, retries, limits, parameters, pages: Prefect and the command line.

    cli                  the command `tinyvideo`                 START HERE as a user
    run, demo            what the commands `run` and `demo` do
    crawl_and_stabilize  flow: source of videos -> shards        START HERE as a reader
    make_shard           flow: one batch -> one shard
    build_dataset        flow: shards -> training set
    train                flow: training set -> checkpoint
    shards, repair       the commands `shards ls|verify|show|repair`
    training, generating the commands `train`, `generate` and `predict`
    takedown             the command `takedown`
    pool, worker         videos in processes that can be killed
    options, settings    what runs are told, by whom
    server               a private Prefect server
    stabilize_files      films -> strips and clips.json, without any of the above
    report/              the page                                START at report/page.py
    console              what the terminal shows

The work itself is imported from `models`, `storage` and `pipeline`.
"""
