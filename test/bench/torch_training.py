"""Milliseconds per model and optimizer step in PyTorch, the work of test/bench/training.ts: networks
784-width-width-width-10 with LayerNorm and gelu, batch 64 each, AdamW, data in memory. Models one by one, and stacked on
a leading axis (batched products, one fused AdamW).

Reads a line, works, prints one JSON object, and again.

usage: torch_training.py WIDTH MODELS STEPS THREADS
"""

import json
import sys
import time

import torch
from torch import nn

width, models, steps, threads = map(int, sys.argv[1:5])
torch.set_num_threads(threads)
torch.manual_seed(0)
batch, images = 64, 8000
pixels = torch.randn(images, 784)
labels = torch.randint(0, 10, (images,))
sizes = [784, width, width, width, 10]


def milliseconds(step):
    """Median over the steps, per model, after three to warm up."""
    times = []
    for i in range(steps + 3):
        began = time.perf_counter()
        step()
        if i >= 3:
            times.append(time.perf_counter() - began)
    return 1000 * sorted(times)[len(times) // 2] / models


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.lins = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(self, x):
        for lin, norm in zip(self.lins, self.norms):
            x = nn.functional.gelu(norm(lin(x)))
        return self.lins[-1](x)


single = [Mlp() for _ in range(models)]
optimizers = [torch.optim.AdamW(m.parameters(), lr=1e-3, weight_decay=0.01, fused=True) for m in single]


def one_by_one():
    for model, optimizer in zip(single, optimizers):
        rows = torch.randint(0, images, (batch,))
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(pixels[rows]), labels[rows]).backward()
        optimizer.step()


stack = lambda pick: nn.Parameter(torch.stack([pick(m).detach() for m in single]))
weights = [stack(lambda m: m.lins[i].weight) for i in range(4)]
biases = [stack(lambda m: m.lins[i].bias[None]) for i in range(4)]
scales = [stack(lambda m: m.norms[i].weight[None]) for i in range(3)]
shifts = [stack(lambda m: m.norms[i].bias[None]) for i in range(3)]
together = torch.optim.AdamW([*weights, *biases, *scales, *shifts], lr=1e-3, weight_decay=0.01, fused=True)


def stacked():
    rows = torch.randint(0, images, (models, batch))
    together.zero_grad(set_to_none=True)
    x = pixels[rows]
    for i in range(4):
        x = torch.baddbmm(biases[i], x, weights[i].transpose(1, 2))
        if i < 3:
            x = nn.functional.gelu(nn.functional.layer_norm(x, (width,)) * scales[i] + shifts[i])
    # Summed over models, so that each gets the gradient of its own mean.
    loss = nn.functional.cross_entropy(x.flatten(0, 1), labels[rows].flatten()) * models
    loss.backward()
    together.step()


ways = {"one by one": one_by_one, "stacked": stacked}
for line in sys.stdin:
    print(json.dumps({"milliseconds": milliseconds(ways[line.strip()]), "version": torch.__version__}), flush=True)
