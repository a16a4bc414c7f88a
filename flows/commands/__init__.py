"""The commands of `tinyvideo`, a room for each heading of `tinyvideo --help`.

    command_table   every command by name: where it lies, and its line in `tinyvideo --help`
    demo_command, demo   `demo`: all of it, with three films
    curating/    `run`, `status`, `report`, `config`, `stabilize`, `render`: films in, strips out
    finding/     `crawl`, `plan`, `words`, `coverage`, `budget`, `chaos-demo`
    tracing/     `explain`, `failures`, `retry`, `credits`, `recheck`, `block`, `takedown`
    packaging/   `shards`, `dataset`, `import`, `export`
    learning/    `train`, `generate`, `predict`, `weights`
    operating/   `up`, `down`, `deploy`, `worker`, `doctor`, `settings`
    output_options, source_options, threshold_options, time_spans   the options that many have

A command reads its options, calls what does the work, and shows the result. Nothing else of
`flows` imports from here but `cli`. What costs time to import, Prefect, torch, the database and
numpy, a command imports when it runs: the doors of these rooms are opened by `--help`.
"""
