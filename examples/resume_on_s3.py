"""From films to a trained network with everything on S3; any step may be killed, and goes on.

    export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...    # and AWS_ENDPOINT_URL_S3, if not AWS
    python examples/resume_on_s3.py s3://BUCKET/PREFIX FILMS STEPS

Run the same line again after whatever happened. Videos that are done stay done, the dataset is the
same revision while its strips are the same, and training goes on at the newest checkpoint, which
lies on S3 too: on another machine with the same clips and losses. The catalog is a file of this
machine unless TINYVIDEO_CATALOG names a database; with one, another machine can go on with the
videos as well.
"""

import sys

import tinyvideo as tv

address, films, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])

out = tv.open(address)
books = out.run(films)
print(books["strips"], "strips in", out.shards)

dataset = out.build_dataset("everything", validation=0, test=0)
print(dataset)

done = tv.train(
    dataset,
    recipe="modern",
    run=f"{address}/training/first",
    steps=steps,
    batch=1,
    width=8,  # of 64: a small network that shows the way in seconds; leave this and batch out
    checkpoint_every=2,
    on_step=lambda line: print(f"step {line.step}  loss {line.generator_loss:.3f}"),
)
print("checkpoint", done.checkpoint.name)
print(tv.generate(done.checkpoint, 1).videos.shape)
