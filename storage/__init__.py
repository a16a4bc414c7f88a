"""Bytes and records: what is written once and must never be lost or doubled.

    objects    whole files under final names       a folder
    schema     Arrow schema of a strip row
    shard      strips <-> one Parquet file
    tables     the catalog's tables
    rows       a row of them <-> the types of the pipeline
    database   how their file is opened, and what a transaction is
    catalog    state of every video and shard      READ THIS FIRST
    tally      the books, counted out of the tables
    books      found = what became of it
    outcomes   videos one by one, for people
    pack       parts of videos -> committed shard
    dataset    shards -> a named, split choice of strips

No module here knows Prefect, torch or OpenCV.
"""
