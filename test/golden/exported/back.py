"""Loads a checkpoint of Basin into the network of test/fixtures/exported/digits.pt2, strictly.

python back.py CHECKPOINT INPUTS: reads a .pt and a .npy, prints the logits in float64.
"""

import json
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 5, stride=3, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.1)
        self.fc = nn.Linear(128, 10)

    def forward(self, x):
        return self.fc(self.drop(F.max_pool2d(F.relu(self.bn(self.conv(x))), 2).flatten(1)))


model = Digits()
model.load_state_dict(torch.load(sys.argv[1], weights_only=True)["model_state_dict"], strict=True)
model = model.double().eval()
with torch.no_grad():
    print(json.dumps(model(torch.from_numpy(np.load(sys.argv[2])).double()).flatten().tolist()))
