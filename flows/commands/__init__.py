"""The commands of `tinyvideo`, a room for each heading of `tinyvideo --help`.

    curating/    `run`, `status`, `report`, `stabilize`, `render`: films in, strips out
    finding/     `crawl`, `plan`, `words`, `coverage`, `budget`, `chaos-demo`
    tracing/     `explain`, `failures`, `retry`, `credits`, `block`, `takedown`: single videos
    packaging/   `shards`, `dataset`, `import`, `export`
    learning/    `train`, `generate`, `predict`
    operating/   `up`, `down`, `deploy`, `doctor`, `settings`; `worker` is in machine/
    demo         all of it, with three films
    source_options   the options that say where videos come from

A command reads its options, calls what does the work, and shows the result. Nothing else of
`flows` imports from here but `cli`. What costs time to import, Prefect, torch and the database, a
command imports when it runs.
"""
