"""Train a PyTorch model of your own on our loader, and go on where it was stopped.

    python examples/train_own_model.py OUT DATASET STEPS CHECKPOINT

The model tells the last frame of a clip from the first one: a few convolutions, to be replaced by
yours. The loader reads, decodes and shuffles in threads of its own, and gives batches of
(B, 3, 32, 64, 64) in [-1, 1]. Its state is a small dictionary that belongs into the checkpoint:
with it, a second call sees the clips that the first one would have seen next.
"""

import sys
from itertools import islice
from pathlib import Path

import torch
from torch import nn

import tinyvideo as tv

out, name, steps, checkpoint = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 3, 3, padding=1), nn.Tanh()
).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

dataset = tv.open(out).dataset(name)
with dataset.loader("train", batch=4, device=device) as batches:
    done = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        batches.load_state_dict(saved["loader"])
        done = saved["step"]
    for step, clips in enumerate(islice(batches, steps - done), start=done + 1):
        loss = nn.functional.l1_loss(model(clips[:, :, 0]), clips[:, :, -1])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        print(f"step {step}  loss {loss.item():.4f}")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({**state, "loader": batches.state_dict(), "step": steps}, checkpoint)
