"""Order, retries, limits, parameters, pages: Prefect and the command line.

    cli                  the command `tinyvideo`                 START HERE as a user
    run, demo            what the commands `run` and `demo` do
    crawl_and_stabilize  flow: source of videos -> shards        START HERE as a reader
    crawl                sources -> the catalog; find, forecast: its commands
    ledger               the commands about single videos
    fan_out              its batches as runs of a pool, or here
    make_shard           flow: one batch -> one shard
    held_batch, attempts a batch while a run works on it, and how often it may try
    fetch, budget        films from elsewhere, at the pace that hosts permit; show_budget
    chaos_demo           the crawl of an imitation of Flickr   imitation/, START at its server.py
    build_dataset        flow: shards -> training set
    train                flow: training set -> checkpoint
    train_on_pool, torchrun   the same with all GPUs of a worker
    up, processes        the commands `up`, `down`, `deploy`
    pool_worker, run_worker, run_process   the command `worker`, and the process of a run
    deployments, automations, plugin   what Prefect's server and command line are told
    monitor, board       what Prefect's page shows
    doctor, show_settings     the commands `doctor` and `settings`
    shards, repair       the commands `shards ls|verify|show|repair`
    training, generating the commands `train`, `generate` and `predict`
    takedown             the command `takedown`
    pool, worker         videos in processes that can be killed; engine: on Dask or Ray
    options, settings    what runs are told, by whom
    server, answers      a private Prefect server; does one answer
    stabilize_files      films -> strips and clips.json, without any of the above
    report/              the page                                START at report/page.py
    console              what the terminal shows

The work itself is imported from `models`, `storage` and `pipeline`.
"""
