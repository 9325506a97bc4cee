"""Subspace coherence and anisotropy of eight networks, the inputs of every layer and the output (section 7:
subspace_coherence.py:121-164, measure_subspace_coherence.py)."""

import torch

from common import layers, load_model, loaders, record, take_turns
from subspaces import basis_of, coherence_of, gram_matrices


@torch.no_grad()
def work():
    numbers = {"dimension": [], "coherence": [], "mean anisotropy": []}
    loader = loaders(batch=2**15)["train"]
    for index in range(1, 9):
        model = load_model(index)
        points = [*((f"lins.{i}", "in") for i in range(layers)), ("", "out")]
        [activations] = record([model], points, loader)
        for name, side in points:
            basis = basis_of(torch.cat(activations[(name, side)]), 0.9)
            numbers["dimension"].append(basis.shape[1])
            numbers["coherence"].append(coherence_of(basis))
            if side == "in":
                mask = dict(model.named_modules())[name].mask
                apart = gram_matrices(basis, mask) - mask.mean() * torch.eye(basis.shape[1])
                norms = torch.linalg.matrix_norm(apart, ord=2)
                numbers["mean anisotropy"].append(norms.mean().item())
    return numbers


take_turns(work)
