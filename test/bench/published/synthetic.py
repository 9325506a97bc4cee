"""Synthetic coherence (section 10: train.py:1220-1513, data/synthetic.py): pairs of masked ReLU networks, trained one by one,
and the loss on the line between them, exact copies. One thread, as published.

usage: synthetic.py FOLDER THREADS SEEDS PAIRS
"""

import sys

import torch
from torch.nn import functional as F

from common import take_turns

seeds, pairs = int(sys.argv[3]), int(sys.argv[4])
copies, width, active_share = 10, 128, 0.15
train_count, test_count, batch, epochs, points = 1024, 2048, 512, 100, 21
torch.set_num_threads(1)


class MaskedReluNetwork(torch.nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.register_buffer("mask", mask, persistent=False)
        self.weight = torch.nn.Parameter(torch.randn(mask.shape) * 0.05)
        self.bias = torch.nn.Parameter(torch.zeros(len(mask)))

    def forward(self, x):
        return F.relu(x @ (self.weight * self.mask).T + self.bias).sum(dim=1, keepdim=True)


def train(mask, x, y, seed):
    torch.manual_seed(seed)
    model = MaskedReluNetwork(mask)
    groups = [{"params": [model.weight], "weight_decay": 1e-2}, {"params": [model.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-2)
    for _ in range(epochs):
        order = torch.randperm(train_count)
        for start in range(0, train_count, batch):
            rows = order[start : start + batch]
            optimizer.zero_grad(set_to_none=True)
            F.mse_loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
    return model


def losses_between(mask, a, b, x, y):
    model, found = MaskedReluNetwork(mask), []
    a, b = a.state_dict(), b.state_dict()
    for at in torch.linspace(0, 1, points).tolist():
        model.load_state_dict({name: (1 - at) * a[name] + at * b[name] for name in a})
        with torch.no_grad():
            found.append(F.mse_loss(model(x), y).item())
    return found


def work():
    barriers = [[] for _ in range(copies)]
    ends = [[] for _ in range(copies)]
    for seed in range(seeds):
        mask = torch.bernoulli(
            torch.full((width, 2 * copies), active_share), generator=torch.Generator().manual_seed(10_000 + seed)
        )
        generator = torch.Generator().manual_seed(20_000 + seed)
        train_z = torch.randn(train_count, 2, generator=generator)
        test_z = torch.randn(test_count, 2, generator=generator)
        for active in range(1, copies + 1):
            basis = torch.zeros(2 * copies, 2)
            for i in range(active):
                basis[2 * i, 0] = basis[2 * i + 1, 1] = active**-0.5
            data = [part for z in (train_z, test_z) for part in (z @ basis.T, F.relu(z.sum(dim=1, keepdim=True)))]
            for pair in range(pairs):
                first = 40_000 + 1000 * seed + 2 * pair
                a, b = (train(mask, data[0], data[1], first + i) for i in (0, 1))
                losses = losses_between(mask, a, b, data[2], data[3])
                barriers[active - 1].append(losses[points // 2] - max(losses[0], losses[-1]))
                ends[active - 1].append((losses[0] + losses[-1]) / 2)
    mean = lambda values: sum(values) / len(values)
    return {"midpoint barrier": [mean(each) for each in barriers], "loss at the ends": [mean(each) for each in ends]}


take_turns(work)
