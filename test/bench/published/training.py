"""Four W-asymmetric networks, three epochs, one after the other (section 3 of the description: trainer.py, train.py:248):
a loader per network, AdamW on all parameters, validation and a checkpoint after every epoch, a test at the end. Networks
are drawn as published, and then set to the weights that Basin's start from, off the clock: what differs is the order of
the images."""

import shutil

import torch
from torch import nn

from common import Network, load_model, loaders, off_the_clock, scratch, take_turns

epochs, models, mask_seed = 3, 4, 1


def evaluate(model, loader, loss_of):
    model.eval()
    loss, correct, total = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            loss += loss_of(logits, y).item()
            correct += (logits.argmax(dim=1) == y).sum().item()
            total += len(y)
    return loss / len(loader), 100 * correct / total


def train(model, index, into):
    torch.manual_seed(1000 + index)
    data = loaders(batch=64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    loss_of = nn.CrossEntropyLoss()

    def save(epoch):
        state = {"epoch": epoch, "model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict()}
        torch.save(state, f"{into}/checkpoint_epoch_{epoch}_model_{index}.pt")

    save(0)
    for epoch in range(1, epochs + 1):
        model.train()
        mean = 0.0
        for x, y in data["train"]:
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            mean += loss.item() / len(data["train"])
        evaluate(model, data["val"], loss_of)
        save(epoch)
    return mean, evaluate(model, data["test"], loss_of)[1]


def work():
    into = scratch("trained")
    found = []
    for index in range(1, models + 1):
        torch.manual_seed(index)
        model = Network(mask_seed)
        with off_the_clock():
            model.load_state_dict(load_model(index, epoch=0).state_dict())
        found.append(train(model, index, into))
    with off_the_clock():
        shutil.rmtree(into)
    return {"train loss": [loss for loss, _ in found], "test accuracy": [accuracy for _, accuracy in found]}


take_turns(work)
