"""Interpolation points per second in PyTorch, the work of test/bench/interpolation.ts: loss and accuracy of every point
on every image. All points of a pair at once with torch.func.vmap, as neuron-identifiability does
(src/utils/interpolation.py:89). Reads a line with the batch size, works, prints one JSON object, and again.

usage: interpolation_torch.py WIDTH PAIRS STEPS IMAGES THREADS
"""

import json
import sys
import time

import torch
from torch import nn
from torch.func import functional_call, vmap

width, pairs, steps, images, threads = map(int, sys.argv[1:6])
torch.set_num_threads(threads)
torch.manual_seed(0)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [784, width, width, width, 10]
        self.lins = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(self, x):
        for lin, norm in zip(self.lins, self.norms):
            x = nn.functional.gelu(norm(lin(x)))
        return self.lins[-1](x)


skeleton = Mlp().eval()
models = [Mlp().eval() for _ in range(pairs + 1)]
x = torch.randn(images, 784)
y = torch.randint(0, 10, (images,))
lambdas = torch.linspace(0, 1, steps + 1)


def scores(a, b, batch=1000):
    a, b = a.state_dict(), b.state_dict()
    shape = lambda t: [-1] + [1] * t.dim()
    points = {k: (1 - lambdas).view(shape(a[k])) * a[k] + lambdas.view(shape(a[k])) * b[k] for k in a}
    run = vmap(lambda theta, inputs: functional_call(skeleton, theta, (inputs,)), in_dims=(0, None))
    loss = torch.zeros(steps + 1, dtype=torch.float64)
    correct = torch.zeros(steps + 1, dtype=torch.int64)
    for start in range(0, images, batch):
        inputs, labels = x[start : start + batch], y[start : start + batch]
        logits = run(points, inputs)
        flat = nn.functional.cross_entropy(
            logits.reshape(-1, 10), labels.repeat(steps + 1), reduction="none"
        )
        loss += flat.view(steps + 1, -1).sum(1, dtype=torch.float64)
        correct += (logits.argmax(-1) == labels).sum(1)
    return loss / images, correct / images


with torch.inference_mode():
    scores(models[0], models[1])  # warm-up
    for line in sys.stdin:
        batch = int(line)
        started = time.perf_counter()
        for i in range(pairs):
            scores(models[i], models[i + 1], batch)
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "points": pairs * (steps + 1), "torch": torch.__version__}), flush=True)
