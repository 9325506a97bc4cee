"""What the scripts of this folder share: the published networks, data, recording of activations and matching, and the
loop that takes turns with Basin. Written anew after the description of neuron-identifiability's code; the places named
are those of that repository at c92eb82.

A folder holds what both sides read: `digits/` (the embedded digits as raw bytes) and `run/` (checkpoints of W-asymmetric
networks). Where this is not what is published, it is faster: an example is made from bytes that are in memory, without
the detour over an image object that torchvision takes, and loaders work in this process (the published four workers per
loader are slower here: they are started anew for every pass).
"""

import contextlib
import json
import math
import os
import sys
import time

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, random_split

folder = sys.argv[1]
threads = int(sys.argv[2])
torch.set_num_threads(threads)

hidden, layers, classes = 512, 4, 10
fixed_per_neuron = [64, 64, 64, 256]
free_time = 0.0  # seconds of this turn that do not count


class SparseLinear(nn.Module):
    """W-asymmetric layer (mlp.py:32-89): fixed entries stand in for the masked ones in every forward pass."""

    def __init__(self, inputs, outputs, fixed, generator, scale=1.0):
        super().__init__()
        mask = torch.ones(outputs, inputs)
        for row in mask:
            row[torch.randperm(inputs, generator=generator)[:fixed]] = 0
        self.register_buffer("mask", mask)
        self.register_buffer("normal_mask", torch.randn(outputs, inputs, generator=generator))
        self.scale = scale
        start = torch.randn(outputs, inputs) / math.sqrt(inputs)
        self.weight = nn.Parameter(mask * start + (1 - mask) * scale * self.normal_mask)
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-1, 1) / math.sqrt(inputs))
        self.weight.register_hook(lambda gradient: self.mask * gradient)

    def fixed(self):
        return (1 - self.mask) * self.scale * self.normal_mask

    def effective(self):
        return self.weight * self.mask + self.fixed()

    def forward(self, x):
        return F.linear(x, self.effective(), self.bias)


class Network(nn.Module):
    """784-512-512-512-10 with LayerNorm and exact GELU (mlp.py:187-199, 269-281); plain linear layers if not `sparse`."""

    def __init__(self, mask_seed=1, sparse=True):
        super().__init__()
        widths = [784] + [hidden] * (layers - 1) + [classes]
        generator = torch.Generator().manual_seed(mask_seed)
        self.lins = nn.ModuleList(
            SparseLinear(a, b, fixed, generator) if sparse else nn.Linear(a, b)
            for a, b, fixed in zip(widths, widths[1:], fixed_per_neuron)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers - 1))

    def forward(self, x):
        x = x.flatten(1)
        for lin, norm in zip(self.lins, self.norms):
            x = F.gelu(norm(lin(x)))
        return self.lins[-1](x)

    def plain(self):
        """The same function without masks (mlp.py:290-299)."""
        other = Network(sparse=False)
        weights = {f"lins.{i}.weight": lin.effective().detach() for i, lin in enumerate(self.lins)}
        own = {k: v for k, v in self.state_dict().items() if not k.endswith("mask")}
        other.load_state_dict(own | weights)
        return other


def load_model(index, epoch=3):
    model = Network(mask_seed=-1)
    saved = load_file(f"{folder}/run/checkpoint_epoch_{epoch}_model_{index}.safetensors")
    model.load_state_dict({k: saved[k] for k in model.state_dict()})
    return model


class Digits(Dataset):
    """One example at a time, scaled and normalised as it is asked for, as torchvision's MNIST (datasets.py:62-75)."""

    def __init__(self, part):
        read = lambda name: torch.from_numpy(np.fromfile(f"{folder}/digits/{part}-{name}.u8", dtype=np.uint8))
        self.labels = read("labels")
        self.images = read("images").view(len(self.labels), 1, 28, 28)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i].to(torch.float32).div_(255).sub_(0.1307).div_(0.3081), int(self.labels[i])


def loaders(batch=64, workers=0):
    """(train.py:119-196)"""
    whole, test = Digits("train"), Digits("test")
    held = int(0.1 * len(whole))
    sizes = [len(whole) - held, held]
    train, val = random_split(whole, sizes, generator=torch.Generator().manual_seed(42))
    make = lambda data, shuffle: DataLoader(data, batch_size=batch, shuffle=shuffle, num_workers=workers)
    return {"train": make(train, True), "val": make(val, False), "test": make(test, False)}


def record(models, points, loader):
    """Activations at `points`, (module, "in" or "out"), batch by batch, of all models in one pass (record_activations.py)."""
    found = [{point: [] for point in points} for _ in models]
    handles = []
    for model, kept in zip(models, found):
        modules = dict(model.named_modules())
        for name, side in points:

            def hook(_module, inputs, output, into=kept[(name, side)], side=side):
                into.append((inputs[0] if side == "in" else output).detach())

            handles.append(modules[name].register_forward_hook(hook))
    with torch.no_grad():
        for x, _ in loader:
            for model in models:
                model(x)
    for handle in handles:
        handle.remove()
    return found


@contextlib.contextmanager
def off_the_clock():
    global free_time
    began = time.perf_counter()
    yield
    free_time += time.perf_counter() - began


def say(result):
    print(json.dumps(result), flush=True)


def take_turns(work):
    """Works once for every line on stdin; `work` returns the series of numbers that are compared."""
    global free_time
    a = torch.randn(64, 64)
    (a @ a).sum()
    say({"ready": True, "version": torch.__version__})
    for _ in sys.stdin:
        free_time = 0.0
        began, cpu = time.perf_counter(), time.process_time()
        numbers = work()
        seconds, cpu_seconds = time.perf_counter() - began - free_time, time.process_time() - cpu
        say({"seconds": seconds, "cpuSeconds": cpu_seconds, "numbers": numbers})


def scratch(name):
    path = f"{folder}/{name}-{os.getpid()}"
    os.makedirs(path, exist_ok=True)
    return path
