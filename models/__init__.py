"""Networks that learn from the strips, and networks that judge them.

    networks/     noise, or a first frame -> 32 frames; 32 frames -> real or generated
    data/         a dataset -> batches of clips, in an order that can be resumed
    step/         one training step, on one device or many: START at `step.trainer`
    checkpoints/  the state of a run, saved whole or not at all
    training/     a run from its first step to its last
    use/          a checkpoint -> new videos, or the future of a picture
    scenes/       a picture -> its scene
    train_config  all that decides on a run; recipes by name
    step_metrics  one line of figures per step
    still_pictures a picture of anybody's -> its centered square, as people see it
    animations    tensors -> pictures that everybody can look at
    devices       the GPUs of this machine
    training_errors

Importing the package itself costs nothing; importing a room costs torch, 2 s, and the modules
beside the rooms, except `animations`, do without it. No OpenCV or Prefect.
"""
