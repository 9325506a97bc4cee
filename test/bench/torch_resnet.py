"""Milliseconds per optimizer step of one ResNet20 (w = 1) in PyTorch, the work of test/bench/resnet.ts: images 3 x 32 x 32 in
memory, batches of 128, AdamW, BatchNorm or GroupNorm with one group, tensors in channels_last.

Reads a line, works, prints one JSON object, and again.

usage: torch_resnet.py NORM STEPS THREADS    (NORM: batch or group)
"""

import json
import sys
import time

import torch
from torch import nn

norm, steps, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)
batch, images = 128, 1024
pixels = torch.randn(images, 3, 32, 32).contiguous(memory_format=torch.channels_last)
labels = torch.randint(0, 10, (images,))


def norm_of(channels):
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.GroupNorm(1, channels)


def convolution(inputs, outputs, size, stride):
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.norm1 = convolution(inputs, outputs, 3, stride), norm_of(outputs)
        self.conv2, self.norm2 = convolution(outputs, outputs, 3, 1), norm_of(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(convolution(inputs, outputs, 1, stride), norm_of(outputs))

    def forward(self, x):
        inner = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = convolution(3, 16, 3, 1), norm_of(16)
        plan = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.blocks = nn.Sequential(*[Block(*each) for each in plan])
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.blocks(torch.relu(self.norm(self.conv(x))))
        return self.linear(x.mean((2, 3)))


model = ResNet20().to(memory_format=torch.channels_last).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)


def step():
    rows = torch.randint(0, images, (batch,))
    optimizer.zero_grad(set_to_none=True)
    x = pixels[rows].contiguous(memory_format=torch.channels_last)
    nn.functional.cross_entropy(model(x), labels[rows]).backward()
    optimizer.step()


def measure():
    """Median over the steps, and processor time per step, of all threads."""
    times = []
    used = time.process_time()
    for _ in range(steps):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    used = time.process_time() - used
    return {"milliseconds": 1000 * sorted(times)[steps // 2], "cpu_milliseconds": 1000 * used / steps}


for _ in range(3):
    step()
for line in sys.stdin:
    print(json.dumps({**measure(), "version": torch.__version__}), flush=True)
