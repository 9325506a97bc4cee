"""Ridge realization cost of one layer (section 9: measure_realization_cost_ridge_regression.py:25-168): AdamW on the
weights and biases of one slot per ordered pair of the first neurons, all in one loss, on the validation images.

usage: ridge.py FOLDER THREADS LAYER NEURONS STEPS BETA
"""

import sys

import torch
from torch.nn import functional as F

from common import load_model, loaders, record, take_turns

layer, neurons, steps, beta = sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6])


class Neurons(torch.nn.Module):
    """Chosen rows of a W-asymmetric layer, then a fresh batch norm in evaluation mode and the activation."""

    def __init__(self, source, rows):
        super().__init__()
        self.weight = torch.nn.Parameter(source.weight.detach()[rows].clone())
        self.bias = torch.nn.Parameter(source.bias.detach()[rows].clone())
        self.mask, self.normal_mask, self.scale = source.mask[rows], source.normal_mask[rows], source.scale
        self.weight.register_hook(lambda gradient: self.mask * gradient)
        self.norm = torch.nn.BatchNorm1d(len(rows)).eval()

    def forward(self, x):
        effective = self.weight * self.mask + (1 - self.mask) * self.scale * self.normal_mask
        return F.gelu(self.norm(F.linear(x, effective, self.bias)))

    def trainable(self):
        return self.weight * (self.mask == 1).to(self.weight.dtype)


def descend(targets, slots, x):
    optimizer = torch.optim.AdamW([slots.weight, slots.bias], lr=5e-3, weight_decay=0.0)
    wanted = targets(x).detach()
    for _ in range(steps):
        optimizer.zero_grad()
        error = (wanted - slots(x)) ** 2 / beta
        length = (slots.trainable() ** 2).sum(dim=1)
        costs = error.mean(dim=0) + length
        costs.sum().backward()
        optimizer.step()
        # What the published loop shows with every step.
        f"{costs.mean().item():.4f} {error.mean().item() * beta:.4f} {length.mean().item():.4f}"
        f"{targets.trainable().norm(dim=1).mean():.3f} {slots.trainable().norm(dim=1).mean():.3f}"
    return costs.detach(), error.mean(dim=0).detach(), length.detach()


def work():
    model = load_model(1)
    [activations] = record([model], [(f"lins.{i}", "in") for i in range(4)], loaders(batch=500)["val"])
    x = torch.cat(activations[(layer, "in")])
    source = dict(model.named_modules())[layer]
    first, second = torch.triu_indices(neurons, neurons, offset=-neurons)
    found = dict(zip(("objective", "error", "length"), descend(Neurons(source, first), Neurons(source, second), x)))
    own = first == second
    return {name: values[~own].tolist() for name, values in found.items()} | {
        f"{name} of itself": values[own].tolist() for name, values in found.items()
    }


take_turns(work)
