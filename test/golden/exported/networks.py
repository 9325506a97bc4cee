"""Networks that people know, exported by real PyTorch and torchvision, with what they give for random inputs.

python networks.py FOLDER NAME...: writes NAME.pt2, NAME_decomposed.pt2, NAME_x.npy and the outputs in float32 and float64.
python networks.py --load NAME FILE: loads a checkpoint of Basin into the network, strictly.
python networks.py --gradients FOLDER NAME: NAME.pt2, NAME_x.npy, and gradients and statistics of one pass in NAME_found.npy.
Weights are random; statistics of batch norms are not trivial.
"""

import copy
import json
import os
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

warnings.filterwarnings("ignore")


class ViT(nn.Module):
    def __init__(s, d=32, heads=4, depth=2, patch=4, size=16, classes=10):
        super().__init__()
        s.patch = nn.Conv2d(3, d, patch, patch)
        n = (size // patch) ** 2
        s.cls = nn.Parameter(torch.randn(1, 1, d) * .02)
        s.pos = nn.Parameter(torch.randn(1, n + 1, d) * .02)
        s.blocks = nn.ModuleList([nn.TransformerEncoderLayer(d, heads, 2 * d, activation='gelu', batch_first=True, norm_first=True) for _ in range(depth)])
        s.norm = nn.LayerNorm(d); s.head = nn.Linear(d, classes)
    def forward(s, x):
        x = s.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([s.cls.expand(x.shape[0], -1, -1), x], 1) + s.pos
        for b in s.blocks: x = b(x)
        return s.head(s.norm(x)[:, 0])

class Encoder(nn.Module):
    def __init__(s, d=24, classes=7):
        super().__init__()
        s.enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, 3, 40, batch_first=True), 2)
        s.out = nn.Linear(d, classes)
    def forward(s, x): return s.out(s.enc(x).mean(1))

class Block(nn.Module):
    def __init__(s, d, h):
        super().__init__()
        s.h = h; s.ln1 = nn.LayerNorm(d); s.ln2 = nn.LayerNorm(d)
        s.qkv = nn.Linear(d, 3 * d); s.proj = nn.Linear(d, d)
        s.fc = nn.Linear(d, 4 * d); s.fc2 = nn.Linear(4 * d, d); s.drop = nn.Dropout(.1)
    def forward(s, x):
        B, T, C = x.size()
        q, k, v = s.qkv(s.ln1(x)).split(C, dim=2)
        q, k, v = (t.view(B, T, s.h, C // s.h).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        y = y.transpose(1, 2).contiguous().view(B, T, C)
        x = x + s.drop(s.proj(y))
        return x + s.drop(s.fc2(F.gelu(s.fc(s.ln2(x)), approximate='tanh')))

class GPT(nn.Module):
    def __init__(s, vocab=50, d=32, T=12, depth=2):
        super().__init__()
        s.wte = nn.Embedding(vocab, d); s.wpe = nn.Embedding(T, d)
        s.blocks = nn.ModuleList([Block(d, 4) for _ in range(depth)])
        s.ln = nn.LayerNorm(d); s.lm_head = nn.Linear(d, vocab, bias=False)
        s.lm_head.weight = s.wte.weight
    def forward(s, idx):
        B, T = idx.shape
        pos = torch.arange(T, device=idx.device)
        x = s.wte(idx) + s.wpe(pos)
        for b in s.blocks: x = b(x)
        return s.lm_head(s.ln(x))

class Mixer(nn.Module):
    def __init__(s, d=24, patch=4, size=16, depth=2, classes=10):
        super().__init__()
        n = (size // patch) ** 2
        s.patch = nn.Conv2d(3, d, patch, patch)
        s.tok = nn.ModuleList([nn.Sequential(nn.Linear(n, 2*n), nn.GELU(), nn.Dropout(0.), nn.Linear(2*n, n)) for _ in range(depth)])
        s.chn = nn.ModuleList([nn.Sequential(nn.Linear(d, 2*d), nn.GELU(), nn.Linear(2*d, d)) for _ in range(depth)])
        s.n1 = nn.ModuleList([nn.LayerNorm(d) for _ in range(depth)]); s.n2 = nn.ModuleList([nn.LayerNorm(d) for _ in range(depth)])
        s.head = nn.Linear(d, classes)
    def forward(s, x):
        x = s.patch(x).flatten(2).transpose(1, 2)
        for t, c, a, b in zip(s.tok, s.chn, s.n1, s.n2):
            x = x + t(a(x).transpose(1, 2)).transpose(1, 2)
            x = x + c(b(x))
        return s.head(x.mean(1))

class UNet(nn.Module):
    def __init__(s, c=8, bilinear=False):
        super().__init__()
        def dbl(i, o): return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True), nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))
        s.d1 = dbl(3, c); s.d2 = dbl(c, 2*c); s.d3 = dbl(2*c, 4*c)
        s.u2 = nn.ConvTranspose2d(4*c, 2*c, 2, 2); s.c2 = dbl(4*c, 2*c)
        s.u1 = nn.ConvTranspose2d(2*c, c, 3, 2, padding=1, output_padding=1); s.c1 = dbl(2*c, c)
        s.out = nn.Conv2d(c, 4, 1)
    def forward(s, x):
        a = s.d1(x); b = s.d2(F.max_pool2d(a, 2)); c = s.d3(F.max_pool2d(b, 2))
        x = s.c2(torch.cat([s.u2(c), b], 1)); x = s.c1(torch.cat([s.u1(x), a], 1))
        return s.out(x)


class Convolutions(nn.Module):
    """Depthwise, grouped, dilated, transposed convolutions; pools, resizing and norms of all kinds."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8, momentum=0.3), nn.ReLU6(inplace=True))
        self.depth = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1, groups=8), nn.GroupNorm(4, 16), nn.SiLU())
        self.group = nn.Sequential(nn.Conv2d(16, 8, 3, padding=2, dilation=2, groups=2), nn.InstanceNorm2d(8, affine=True), nn.GELU())
        self.up = nn.ConvTranspose2d(8, 4, 3, 2, 1, 1)
        self.norm = nn.BatchNorm1d(12)
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        y = self.first(x)
        y = self.group(self.depth(F.avg_pool2d(F.max_pool2d(y, 3, 1, 1), 3, 1, 1)))
        y = F.interpolate(self.up(y), scale_factor=2, mode="bilinear")
        y = torch.cat([F.adaptive_avg_pool2d(y, 1), y.amax((2, 3), keepdim=True), y.std((2, 3), keepdim=True)], 1)
        return self.head(F.hardswish(self.norm(y.flatten(1))))


class Bag(nn.Module):
    """Classifies token sequences."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 8, padding_idx=3)
        self.norm = nn.RMSNorm(8, eps=1e-6)
        self.query = nn.Linear(8, 8, bias=False)
        self.head = nn.Linear(8, 10)

    def forward(self, tokens):
        x = self.embed(tokens)
        weights = torch.softmax(self.query(x) @ x.transpose(1, 2) / 3, -1).masked_fill(tokens.unsqueeze(1) == 3, 0.0)
        return self.head(self.norm(weights @ x).mean(1))


class Conditions(nn.Module):
    """Truth values and whole numbers made of what is trained: no gradient goes through them."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 10)
        self.prelu = nn.PReLU()

    def forward(self, x):
        y = self.first(x)
        y = F.leaky_relu(y, 0.2) + F.softplus(y) + F.mish(y) + self.prelu(y) + torch.where(~(y >= 0), y, 2 * y)
        y = y.masked_fill((y > 0) & (y < 0.3), 0.1) + (y > 0).float() * y + (3 * y).long() * y
        return y + (y < 1).any(1, keepdim=True) * y


IMAGE, SMALL = (3, 64, 64), (3, 16, 16)
NETWORKS = {
    "resnet18": (lambda: torchvision.models.resnet18(num_classes=10), IMAGE),
    "vgg11_bn": (lambda: torchvision.models.vgg11_bn(num_classes=10), IMAGE),
    "mobilenet_v2": (lambda: torchvision.models.mobilenet_v2(num_classes=10), IMAGE),
    "shufflenet_v2_x0_5": (lambda: torchvision.models.shufflenet_v2_x0_5(num_classes=10), IMAGE),
    "vit": (ViT, SMALL),
    "transformer_encoder": (Encoder, (9, 24)),
    "gpt": (GPT, (12,)),
    "mlp_mixer": (Mixer, SMALL),
    "unet": (UNet, SMALL),
    "convolutions": (Convolutions, SMALL),
    "bag_of_tokens": (Bag, (12,)),
    "conditions": (Conditions, (8,)),
}
TOKENS = {"gpt", "bag_of_tokens"}
# Exported once only: half a gigabyte.
ONCE = {"vgg11_bn"}


def with_statistics(model):
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
            module.num_batches_tracked.fill_(7)
    return model


def make(name):
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    with torch.no_grad():
        model = with_statistics(build()).eval()
    x = torch.randint(0, 50, (4, *shape)) if name in TOKENS else torch.randn(4, *shape)
    return model, x


def write(folder, name):
    model, x = make(name)
    path = os.path.join(folder, name)
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, path + ".pt2")
    if name not in ONCE:
        torch.export.save(program.run_decompositions(), path + "_decomposed.pt2")
    double = copy.deepcopy(model).double()
    np.save(path + "_x.npy", x.numpy())
    np.save(path + "_float32.npy", model(x).detach().numpy())
    np.save(path + "_float64.npy", double(x if name in TOKENS else x.double()).detach().numpy())


def load(name, file):
    """Whether a checkpoint has every key of the state dict, and how far its numbers are from those of the network."""
    model, _ = make(name)
    own = model.state_dict()
    found = torch.load(file, weights_only=True)["model_state_dict"]
    different = [key for key, value in own.items() if not torch.equal(value, found[key].to(value.dtype))]
    NETWORKS[name][0]().load_state_dict(found, strict=True)
    return {"keys": sorted(found) == sorted(own), "different": different}


def gradients(folder, name):
    """One pass in train mode, in double precision: loss, gradients, and what batch norms keep of it. Without dropout."""
    model, x = make(name)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
    path = os.path.join(folder, name)
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, path + ".pt2")
    labels = torch.arange(len(x)) % 3
    double = copy.deepcopy(model).double().train()
    loss = F.cross_entropy(double(x if name in TOKENS else x.double()), labels)
    loss.backward()
    np.save(path + "_x.npy", x.numpy())
    parameters = {key: value.grad for key, value in double.named_parameters()}
    buffers = {key: value for key, value in double.named_buffers() if "running" in key}
    found = {**parameters, **buffers}
    np.save(path + "_found.npy", np.concatenate([value.detach().numpy().ravel() for value in found.values()]))
    return {"loss": loss.item(), "labels": labels.tolist(), "parameters": list(parameters), "buffers": list(buffers)}


if __name__ == "__main__":
    if sys.argv[1] == "--gradients":
        print(json.dumps(gradients(*sys.argv[2:])))
    elif sys.argv[1] == "--load":
        print(json.dumps(load(*sys.argv[2:])))
    else:
        for each in sys.argv[2:]:
            write(sys.argv[1], each)
        print("{}")
