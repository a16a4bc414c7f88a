"""From one video file to strips; `pipeline.curation` puts the parts together, START there.

    sources     a folder            -> records of videos; also yfcc, listing
    crawl       a search of Flickr  -> records of videos; with query, search, flickr, licenses
    download    record of a video   -> video file; with renditions, web, ytdlp, probe, budget, pace
    frames      video file          -> small upright RGB frames, as a stream
    shots       frames              -> where a new shot begins
    stabilize   32 frames           -> 32 frames of a camera that stands still
    tag         first frame         -> scenes (the classifier is an argument)
    strips      32 frames          <-> one JPEG
    curation    video file          -> strips and reasons: all of the above, in order

Then `storage` takes over (strips -> part file -> shard -> dataset), and `models` (dataset ->
checkpoint -> new clips). Everything here is a function of its arguments: no environment, clock,
database or global state, and a network only by a client that is one of them, so that every stage
can be tested and timed alone.
"""
