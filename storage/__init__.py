"""Bytes and records: what is written once and must never be lost or doubled.

    objects/    in a folder or on S3: each appears whole or not at all
    shards/     one Parquet file of strips: its columns, how it is written, read and checked
    database/   the tables of the catalog, and how they are opened
    catalog/    the state of every video and shard; the books
    outputs/    shards, catalog and work folder together: START at `outputs.output_address`
    films/      films in a bucket, or fetched to this disk
    batches/    videos that share a shard, committed once
    datasets/   a named choice of strips, split without leaks, as revisions
    repair/     a committed shard that is broken or must change
    rebuild/    a catalog out of shards, where it is lost or another one takes over
    exchange/   the released dataset in, other people's formats out
    takedown    a video or an owner out of everything, for good
    storage_errors

A shard is committed in one order, and a crash between any two steps leaves a state that the next
run finishes: strips under a temporary name, read back, put where nothing is, one transaction of the
catalog. No torch, OpenCV or Prefect.
"""
