"""Curves of four pairs, 9 points, all three splits (section 4: interpolation.py:89-250, and section 5 for the alignment).
All points of a pair are stacked and evaluated with vmap, batch by batch, as published; with `aligned` the networks are
first made plain and the second is permuted. Which places are recorded and matched is the published code's choice: all of
them, though one is used.

usage: interpolation.py FOLDER THREADS unaligned|aligned
"""

import sys

import torch
from torch.nn import functional as F

from common import load_model, loaders, take_turns
from matching import matched, uncorrelatedness

aligned = sys.argv[3] == "aligned"
steps = 8


def curve(model, first, second, data):
    lambdas = torch.linspace(0, 1, steps + 1)

    def between(a, b):
        at = lambdas.view(-1, *[1] * a.dim())
        return (1 - at) * a + at * b

    stacked = {name: between(first[name], second[name]) for name in first}
    run = torch.vmap(lambda state, x: torch.func.functional_call(model, state, (x,)), in_dims=(0, None))
    found = {}
    with torch.no_grad():
        for split, loader in data.items():
            loss, correct, count = torch.zeros(steps + 1), torch.zeros(steps + 1), 0
            for x, y in loader:
                logits = run(stacked, x)
                losses = F.cross_entropy(logits.flatten(0, 1), y.repeat(steps + 1), reduction="none")
                loss += losses.view(steps + 1, -1).sum(dim=1)
                correct += (logits.argmax(dim=2) == y).sum(dim=1)
                count += len(y)
            found[f"{split} loss"] = (loss / count).tolist()
            found[f"{split} accuracy"] = (100 * correct / count).tolist()
    return found


def permuted(state, permutations):
    """new[i] = old[permutation[i]] along every axis of a hidden layer (common.py:286-305)."""
    state = dict(state)
    for layer, permutation in enumerate(permutations):
        for name in (f"lins.{layer}.weight", f"lins.{layer}.bias", f"norms.{layer}.weight", f"norms.{layer}.bias"):
            state[name] = state[name][permutation]
        after = f"lins.{layer + 1}.weight"
        state[after] = state[after][:, permutation]
    return state


def work():
    data = loaders(batch=64)
    numbers = {}
    for first in (1, 3, 5, 7):
        a, b = (load_model(index).eval() for index in (first, first + 1))
        if aligned:
            a, b = a.plain().eval(), b.plain().eval()
            found = matched(a, b, data["train"], [uncorrelatedness])["post_activation_function"]
            second = permuted(b.state_dict(), [permutation for _, permutation in found])
        else:
            second = b.state_dict()
        for name, values in curve(a, a.state_dict(), second, data).items():
            numbers.setdefault(name, []).extend(values)
    return numbers


take_turns(work)
