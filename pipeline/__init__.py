"""From one video to strips: pure functions, one video at a time. START at `curation`.

    curation    the way of one video through the rooms, in order
    find/       a folder, a list, Flickr, YFCC100M -> records of videos
    hosts/      other people's servers: how often they are asked, Flickr's API, licenses
    fetch/      a record -> its film, whole and checked
    decode/     a file that may try anything -> small upright RGB frames
    windows/    where 32 frames of one shot may lie
    tracking/   where the points of frame 0 are in later frames
    stabilize/  32 frames -> 32 frames of a camera that stands still, and a certificate
    tag         the first frames of a shot -> scenes
    alike/      a strip -> a hash that its copies have too; hashes -> groups
    strips/     32 frames <-> one JPEG
    thresholds/ a user's file of thresholds -> what decides on pixels
    rerender/   the same strips at another size, and a window as it was before
    pixels      brightness and size of a picture
    video_id    an id from outside, which can be no path
    outside_json  JSON from outside, within a limit
    outside_packed  bzip2, gzip and xz from outside, within a limit
    types       frames, records, strips, clips
    errors      what can go wrong, and the words in which it is counted
    strange_letters  letters that do something where they are shown, shown instead
    masks       what is shown of a secret: ***

No network but in `hosts` and `fetch`, no database, no torch, no Prefect; the environment, the clock
and random numbers are arguments.
"""
