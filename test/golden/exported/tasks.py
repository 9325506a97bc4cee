"""Networks that learn to tell the next token, or numbers, exported and trained by real PyTorch.

python tasks.py --export FOLDER TASK: TASK.pt2 untrained, and TASK-x.npy and TASK-y.npy (of tokens x alone, one longer).
python tasks.py --train TASK, with a question as JSON on stdin: the arrays, the weights to begin with (Basin's checkpoint of
epoch 0), the examples of every batch by epoch, those that validate, and the optimizer. Prints losses and final weights.
"""

import json
import os
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from networks import GPT

warnings.filterwarnings("ignore")
COUNT, LENGTH, VOCABULARY, IGNORED = 27, 6, 11, 0


class Regression(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 2))

    def forward(self, x):
        return self.layers(x)


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def make(task):
    torch.manual_seed(3)
    if task == "next-token":
        return without_dropout(GPT(vocab=VOCABULARY, d=8, T=LENGTH, depth=1)), torch.zeros(2, LENGTH, dtype=torch.long)
    return Regression(), torch.zeros(2, 5)


def data(task):
    rng = np.random.default_rng(5)
    if task == "next-token":
        tokens = rng.integers(1, VOCABULARY, (COUNT, LENGTH + 1))
        # Most sequences end early: how many tokens of a batch count differs.
        for row, length in enumerate(rng.integers(2, LENGTH + 2, COUNT)):
            tokens[row, length:] = IGNORED
        return {"x": tokens}
    x = rng.normal(size=(COUNT, 5)).astype(np.float32)
    y = np.stack([np.sin(x).sum(1), x[:, 0] * x[:, 1] - 3], 1).astype(np.float32)
    return {"x": x, "y": y}


def export(folder, task):
    model, x = make(task)
    program = torch.export.export(model.eval(), (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, os.path.join(folder, f"{task}.pt2"))
    for name, array in data(task).items():
        np.save(os.path.join(folder, f"{task}-{name}.npy"), array)


def loss_of(task, output, targets):
    if task == "regression":
        return F.mse_loss(output, targets)
    return F.cross_entropy(output.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def optimizer_of(parameters, settings):
    if settings["name"] == "sgd":
        return torch.optim.SGD(parameters, lr=settings["lr"], momentum=settings["momentum"], weight_decay=settings["weight_decay"])
    return torch.optim.AdamW(parameters, lr=settings["lr"], eps=settings["eps"], weight_decay=settings["weight_decay"])


def train(task, question, dtype):
    model, _ = make(task)
    model.load_state_dict(load_file(question["checkpoint"]), strict=True)
    model.to(dtype).train()
    arrays = data(task)
    x, y = torch.tensor(arrays["x"]), torch.tensor(arrays.get("y", 0.0)).to(dtype)
    x, y = (x[:, :-1], x[:, 1:]) if task == "next-token" else (x.to(dtype), y)
    optimizer = optimizer_of(model.parameters(), question["optimizer"])
    losses = []
    for epoch in question["epochs"]:
        of_epoch = []
        for rows in epoch:
            optimizer.zero_grad()
            loss = loss_of(task, model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            of_epoch.append(loss.item())
        losses.append(of_epoch)
    model.eval()
    rows = question["validation"]
    with torch.no_grad():
        output, targets = model(x[rows]), y[rows]
        found = {"losses": losses, "validation": loss_of(task, output, targets).item()}
        if task == "next-token":
            right = (output.argmax(-1) == targets)[targets != IGNORED]
            found["accuracy"] = 100 * right.double().mean().item()
    found["weights"] = {key: value.double().flatten().tolist() for key, value in model.state_dict().items()}
    return found


if __name__ == "__main__":
    if sys.argv[1] == "--export":
        export(sys.argv[2], sys.argv[3])
        print("{}")
    else:
        asked = json.load(sys.stdin)
        print(json.dumps({name: train(sys.argv[2], asked, getattr(torch, name)) for name in ("float32", "float64")}))
