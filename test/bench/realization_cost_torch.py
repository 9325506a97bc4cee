"""Realization cost of every layer in PyTorch, the way neuron-identifiability does it (measure_realization_cost.py:47,
subspace_coherence.py:25): a thin SVD of the centred activations, one Gram matrix and one pinv per neuron, float32.
Weights and data are read from FOLDER as test/bench/realization-cost.ts wrote them. For every line on stdin the next
model is measured, and one JSON object printed.

usage: realization_cost_torch.py FOLDER THREADS
"""

import json
import resource
import sys
import time

import numpy as np
import torch

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
about = json.load(open(f"{folder}/about.json"))


def load(name, *shape):
    return torch.from_numpy(np.fromfile(f"{folder}/{name}.f32", dtype=np.float32).reshape(shape))


widths = about["widths"]
data = load("x", about["samples"], widths[0])
models = [
    [
        {name: load(f"{name}{m}-{i}", n, d) for name in ("weight", "mask", "fixed")} | {"bias": load(f"bias{m}-{i}", n)}
        for i, (d, n) in enumerate(zip(widths, widths[1:]))
    ]
    for m in range(about["models"])
]


def basis_of(x, target):
    _, s, vt = torch.linalg.svd(x - x.mean(dim=0), full_matrices=False)
    share = torch.cumsum(s**2, dim=0) / (s**2).sum()
    k = int(torch.searchsorted(share, target)) + 1
    return vt[: min(k, len(s))].T


def costs_of(layer, basis):
    effective = layer["mask"] * layer["weight"] + layer["fixed"]
    projected, centers = effective @ basis, layer["fixed"] @ basis
    rows = []
    for mask, center in zip(layer["mask"], centers):
        inverse = torch.linalg.pinv(basis.T @ (mask[:, None] * basis))
        apart = projected - center
        rows.append(((apart @ inverse) * apart).sum(dim=1))
    costs = torch.stack(rows)
    own = costs.diag()
    return costs, costs + costs.T - own[:, None] - own[None, :], torch.cdist(centers, centers)


@torch.no_grad()
def measure(layers):
    x = data
    results = []
    for i, layer in enumerate(layers):
        basis = basis_of(x, about["explainedVariance"])
        results.append((basis.shape[1], costs_of(layer, basis)))
        if i + 1 < len(layers):
            z = x @ (layer["mask"] * layer["weight"] + layer["fixed"]).T + layer["bias"]
            x = torch.nn.functional.gelu(torch.nn.functional.layer_norm(z, (z.shape[1],)))
    return results


torch.linalg.pinv(torch.randn(8, 8))
for layers in models:
    if not sys.stdin.readline():
        break
    start, cpu = time.perf_counter(), time.process_time()
    found = measure(layers)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    one = {
        "seconds": seconds,
        "cpuSeconds": cpu_seconds,
        "dimensions": [k for k, _ in found],
        "meanCosts": [float(costs.mean()) for _, (costs, _, _) in found],
        "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(one), flush=True)
