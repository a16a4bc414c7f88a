"""The commands of `tinyvideo`, one module each, or for several that belong together.

    run, demo                 videos -> shards -> dataset -> model: the whole way
    find, forecast            `crawl`, `plan`, `words`, `coverage`; source_options: what they share
    ledger, takedown          `status`, `explain`, `failures`, ...: what became of videos
    show_budget, show_settings, doctor   `budget`, `settings`, `doctor`
    shards, datasets          `shards ls|verify|...`, `dataset build|...`
    exchange                  `import` and `export`
    training, generating      `train`, `generate`, `predict`
    stabilize_files, render_files   `stabilize`, `render`: single films, without all of the above
    chaos_demo                the crawl of an imitation of Flickr
    up                        `up`, `down` and `deploy`; `worker` is in machine/pool_worker

A command reads its options, calls what does the work, and shows the result. Nothing else of
`flows` imports from here but `cli`, which needs the options of all: so what costs time to import,
Prefect, torch and the database, a command imports when it runs.
"""
