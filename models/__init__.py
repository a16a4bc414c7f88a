"""Networks that learn from the strips, and networks that judge them.

    places.py         frames -> the scene they show; weights.py fetches what it needs
    generator.py      noise -> foreground, mask, background -> video
    discriminator.py  video -> real or generated
    losses.py         what the two are trained for
    load.py           dataset -> batches of clips, in an order that can be resumed
    precision.py      bf16, also where the processor has none
    trainer.py        one step, and the state that it changes
    train.py          all steps of a run: READ THIS FIRST
    metrics.py        one line of figures per step
    checkpoint.py     the state of a run, saved whole or not at all
    generate.py       checkpoint -> new videos with their parts
    errors.py         what can go wrong, in one tree

Importing the package itself costs nothing; importing any of its modules costs torch, 2 s.
"""
