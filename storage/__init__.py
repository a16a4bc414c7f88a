"""Bytes and records: what is written once and must never be lost or doubled.

    objects    whole files under final names       a folder
    schema     Arrow schema of a strip row
    shard      one Parquet file -> strips          shard_writer, versions, checksums
    verify     is a shard whole, and if not, where inventory, for people
    repair     a broken shard -> a whole one       repair_plan
    rewrite    a shard -> another one in its place repoint, for datasets
    takedown   a video or owner out of everything  takedown_log, blocks, lineage
    tables     the catalog's tables
    rows       a row of them <-> the types of the pipeline
    database   how their file is opened, and what a transaction is
    catalog    state of every video and shard      READ THIS FIRST
    leases     who may work on which video         migrations, of older catalogs
    coverage   what searches have looked at
    history    what befell single videos
    counters   sums that the database keeps        tally, the books out of them
    budget     how often a host is asked, by all   waiting, bucket
    raw        films that were fetched
    books      found = what became of it
    outcomes   videos one by one, for people
    pack       parts of videos -> committed shard
    dataset    shards -> a named, split choice of strips

No module here knows Prefect, torch or OpenCV.
"""
