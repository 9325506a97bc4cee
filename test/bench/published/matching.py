"""Matching objective of four pairs (section 5: measure_activation_matching_objective.py, activation_matching.py): per pair
one pass through the training images, all three places of each hidden layer, Pearson correlation and dot product, the
best assignment and a hundred random ones."""

import torch

from assignment import best
from common import load_model, loaders, record, take_turns

places = {
    "post_linear": [(f"lins.{i}", "out") for i in range(3)],
    "post_norm": [(f"norms.{i}", "out") for i in range(3)],
    "post_activation_function": [(f"lins.{i + 1}", "in") for i in range(3)],
}


def correlation(a, b):
    a, b = a - a.mean(dim=0), b - b.mean(dim=0)
    return ((a / a.norm(dim=0)).T @ (b / b.norm(dim=0))).nan_to_num(nan=0.0)


def dot_product(a, b):
    return a.T @ b / len(a)


def uncorrelatedness(a, b):
    a, b = a - a.mean(dim=0), b - b.mean(dim=0)
    return (1 - ((a / a.norm(dim=0)).T @ (b / b.norm(dim=0))).abs()).nan_to_num(nan=1.0)


def matched(a, b, loader, measures):
    """place -> per layer and measure (similarity, permutation)"""
    of_a, of_b = record([a, b], [point for points in places.values() for point in points], loader)
    found = {}
    for place, points in places.items():
        found[place] = []
        for point in points:
            x, y = torch.cat(of_a[point]), torch.cat(of_b[point])
            for measure in measures:
                similarity = measure(x, y)
                found[place].append((similarity, torch.as_tensor(best(similarity))))
    return found


def work():
    loader = loaders(batch=64)["train"]
    numbers = {"optimal": [], "identity": []}
    for first in (1, 3, 5, 7):
        a, b = (load_model(index).eval() for index in (first, first + 1))
        for of_place in matched(a, b, loader, [correlation, dot_product]).values():
            for similarity, permutation in of_place:
                n = len(permutation)
                rows = torch.arange(n)
                value = lambda columns: similarity[rows, columns].mean().item()
                # Drawn by each side itself: computed, not compared.
                sum(value(torch.randperm(n)) for _ in range(100)) / 100
                numbers["optimal"].append(value(permutation))
                numbers["identity"].append(value(rows))
    return numbers


if __name__ == "__main__":
    take_turns(work)
