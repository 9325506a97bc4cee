"""Milliseconds per image that torchvision's resnet18 takes in evaluation, the work of test/bench/exported.ts: batches of
images in memory, no gradients, tensors in channels_last.

Writes into FOLDER the exported network (model.pt2), one batch (x.npy), and its logits in float32 and float64
(float32.npy, float64.npy), and says "ready". Then reads a line, works, prints one JSON object, and again.

usage: torch_exported.py FOLDER SIZE BATCH BATCHES THREADS    (SIZE: pixels of a side)
"""

import copy
import json
import os
import sys
import time
import warnings

import numpy as np
import torch
import torchvision

warnings.filterwarnings("ignore")
folder = sys.argv[1]
size, batch, batches, threads = (int(word) for word in sys.argv[2:])
torch.set_num_threads(threads)
torch.manual_seed(0)


def with_statistics(model):
    """Random ones, so that batch norms do something."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    return model.eval()


model = with_statistics(torchvision.models.resnet18(num_classes=10))
x = torch.randn(batch, 3, size, size)
program = torch.export.export(model, (x[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},))
torch.export.save(program, os.path.join(folder, "model.pt2"))
with torch.inference_mode():
    np.save(os.path.join(folder, "x.npy"), x.numpy())
    np.save(os.path.join(folder, "float32.npy"), model(x).numpy())
    np.save(os.path.join(folder, "float64.npy"), copy.deepcopy(model).double()(x.double()).numpy())

model = model.to(memory_format=torch.channels_last)
x = x.contiguous(memory_format=torch.channels_last)


def measure():
    """Of the fastest batch, and processor time of all threads, per image."""
    times = []
    used = time.process_time()
    with torch.inference_mode():
        for _ in range(batches):
            began = time.perf_counter()
            model(x)
            times.append(time.perf_counter() - began)
    used = time.process_time() - used
    return {"milliseconds": 1000 * min(times) / batch, "cpu_milliseconds": 1000 * used / batches / batch}


measure()
print("ready", flush=True)
for line in sys.stdin:
    print(json.dumps({**measure(), "version": torch.__version__}), flush=True)
