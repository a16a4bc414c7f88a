"""Networks that learn from the strips, and networks that judge them.

    places.py         frames -> the scene they show, by lite0.py, say; weights.py fetches it
    config.py         all that decides on a run; recipes by name
    generator.py      noise -> foreground, mask, background -> video; or one stream
    encoder.py        a still image -> the frames that may follow
    discriminator.py  video -> real or generated; spectral.py in place of batch normalization
    networks.py       which of them a configuration asks for
    losses.py         what the two are trained for
    augment.py        clips changed alike before they are judged
    load.py           dataset -> batches of clips, in an order that can be resumed
    precision.py      bf16, also where the processor has none
    trainer.py        one step, and the state that it changes; ema.py, figures.py
    ranks.py          several processes that learn as one; batch_norm.py
    train.py          a whole run, from its dataset on: READ THIS FIRST; run.py is its loop
    alarms.py         signs of a collapse
    metrics.py        one line of figures per step; board.py, TensorBoard
    checkpoint.py     the state of a run, saved whole or not at all; mirror.py, in a store too
    forecast.py       what a run will take
    generate.py       checkpoint -> new videos with their parts; gallery.py, pictures.py
    predict.py        checkpoint and image -> its future
    errors.py         what can go wrong, in one tree

Importing the package itself costs nothing; importing most of its modules costs torch, 2 s.
"""
