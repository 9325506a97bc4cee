"""Realization costs of two networks, every layer (section 8: measure_realization_cost.py:47-139): one pass that records
all layers' inputs, a thin SVD each, batched Gram matrices and pseudo-inverses, float32."""

import torch

from common import layers, load_model, loaders, record, take_turns
from subspaces import basis_of, coherence_of, gram_matrices


def costs_of(layer, basis):
    fixed = layer.fixed()
    induced, centers = basis.T @ layer.effective().T, basis.T @ fixed.T
    apart = induced[:, None, :] - centers[:, :, None]
    inverses = torch.linalg.pinv(gram_matrices(basis, layer.mask))
    squared = torch.einsum("kij,ikK,Kij->ij", apart, inverses, apart)
    between = torch.linalg.norm(centers[:, :, None] - centers[:, None, :], dim=0)
    own = squared.diagonal()
    return squared, squared + squared.T - own - own[:, None], between


@torch.no_grad()
def work():
    numbers = {name: [] for name in ("dimension", "coherence", "cost", "swap cost", "distance of centers")}
    for index in (1, 2):
        model = load_model(index)
        points = [(f"lins.{i}", "in") for i in range(layers)]
        [activations] = record([model], points, loaders(batch=64)["train"])
        for point in points:
            basis = basis_of(torch.cat(activations[point]), 0.9)
            costs, swaps, centers = costs_of(dict(model.named_modules())[point[0]], basis)
            numbers["dimension"].append(basis.shape[1])
            numbers["coherence"].append(coherence_of(basis))
            for name, values in (("cost", costs), ("swap cost", swaps), ("distance of centers", centers)):
                numbers[name].append(values.double().mean().item())
    return numbers


take_turns(work)
