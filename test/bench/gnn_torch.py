"""One epoch of a graph network in PyTorch, the work of test/bench/gnn.ts: means over neighbours by PyTorch's sparse product,
Linear, BatchNorm1d and GELU in three layers, AdamW, the whole graph in every step; then its validation.

Reads a line, works, prints one JSON object, and again.

usage: gnn_torch.py FOLDER NODES FEATURES HIDDEN CLASSES THREADS
FOLDER holds sources.bin and targets.bin (int32, edges both ways, targets ascending).
"""

import json
import sys
import time

import numpy as np
import torch
from torch import nn

folder = sys.argv[1]
nodes, features, hidden, classes, threads = map(int, sys.argv[2:7])
torch.set_num_threads(threads)
torch.manual_seed(0)
sources, targets = (torch.from_numpy(np.fromfile(f"{folder}/{name}.bin", dtype=np.int32)) for name in ("sources", "targets"))
degree = torch.bincount(targets, minlength=nodes)
starts = torch.cat([torch.zeros(1, dtype=torch.int64), degree.cumsum(0)])
adjacency = torch.sparse_csr_tensor(starts, sources.long(), torch.ones(len(sources)), (nodes, nodes))
share = (1 / degree.clamp(min=1))[:, None]
x = torch.randn(nodes, features)
labels = torch.randint(0, classes, (nodes,))
train = torch.arange(nodes) % 2 == 0


class Gnn(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [features, hidden, hidden, hidden]
        self.lins = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm1d(hidden) for _ in range(3))
        self.lin = nn.Linear(hidden, classes)

    def forward(self, h):
        for lin, norm in zip(self.lins, self.norms):
            h = nn.functional.gelu(norm(lin(h + torch.sparse.mm(adjacency, h) * share)))
        return self.lin(h).log_softmax(-1)


model = Gnn()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.01)


def epoch():
    model.train()
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.nll_loss(model(x)[train], labels[train])
    loss.backward()
    optimizer.step()
    step = time.perf_counter()
    model.eval()
    with torch.no_grad():
        found = nn.functional.nll_loss(model(x)[~train], labels[~train])
    return step, float(loss), float(found)


def peak():
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


epoch()
for line in sys.stdin:
    began = time.perf_counter()
    step, *_ = epoch()
    print(json.dumps({"step": step - began, "epoch": time.perf_counter() - began, "peak": peak(), "version": torch.__version__}), flush=True)
