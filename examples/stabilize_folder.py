"""Stabilize every film of a folder, in ten lines: no catalog, no server, nothing to configure.

    python examples/stabilize_folder.py FILMS OUT

Each window of 32 frames is kept or dropped. What is kept is saved as `OUT/FILM-WINDOW.npy`, an
array of (32, 128, 128, 3) bytes; of what is dropped, the reason is printed with its figures.
"""

import sys
from pathlib import Path

import numpy as np

import tinyvideo as tv

films, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
for film in sorted(films.iterdir()):
    try:
        for clip in tv.stabilize(film):
            print(film.name, clip.index, clip.reason or "kept", clip.detail)
            if clip.frames is not None:
                np.save(out / f"{film.stem}-{clip.index}.npy", clip.frames)
    except (tv.RejectedError, tv.UnreadableError) as error:
        print(film.name, error)  # no film, too short, too small, ...
