"""Small networks that together use the operations Basin reads, exported by real PyTorch, with what they give.

python operations.py FOLDER: writes NAME.pt2, NAME_decomposed.pt2, NAME_x.npy and outputs; prints the names.
python operations.py --refused FOLDER: writes NAME.pt2 of what is refused; prints names, and words of the message.
"""

import copy
import json
import os
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

warnings.filterwarnings("ignore")


class L(nn.Module):
    def __init__(s, f, **mods):
        super().__init__(); s.f = f; s.unit = nn.Parameter(torch.ones(()))
        for k, v in mods.items(): setattr(s, k, v)
    def forward(s, x): return s.f(s, x) * s.unit
def inplace_slice(s, x):
    h = s.a(x); h = h + 1; h[:, :4] = .5; h[:, 6] += 2; v = h.view(-1, 2, 4); v[:, 1].mul_(3); return h * 2
def inplace_chain(s, x):
    y = s.c(x); z = F.relu_(y); w = y + z; w.add_(1).mul_(2); return w.flatten(1)
def nograd(s, x):
    with torch.no_grad(): g = torch.sigmoid(s.a(x))
    return s.a(x) * g
def rel(s, x):
    i = torch.arange(4); t = s.table[(i[:, None] - i[None, :] + 3)]
    q = x.view(-1, 4, 4); return (q @ t).flatten(1)
def narrowed(s, x):
    h = s.a(x) + 1; h.narrow(1, 2, 3).mul_(2); v = h.view(-1, 2, 4).mT; v[:, 0] = .5; return h * 2
im = (3, 12, 12)
cases = {
 'slice': (lambda: L(inplace_slice, a=nn.Linear(8, 8)), (8,)),
 'chain': (lambda: L(inplace_chain, c=nn.Conv2d(3, 4, 3)), im),
 'nograd': (lambda: L(nograd, a=nn.Linear(8, 8)), (8,)),
 'acts': (lambda: L(lambda s, x: sum(f(x) for f in [F.gelu, torch.sigmoid, torch.tanh, F.silu, F.softplus, F.elu, F.selu, F.mish, F.hardsigmoid, F.hardswish, torch.exp, F.relu6, F.leaky_relu, torch.sin, torch.cos, torch.abs, F.hardtanh, torch.erf, torch.square, F.relu, lambda x: F.celu(x, alpha=0.7), lambda x: F.elu(x, alpha=1.5)]) + s.p(x), p=nn.PReLU()), (8,)),
 'acts2': (lambda: L(lambda s, x: F.gelu(x, approximate='tanh') + torch.log(x.abs() + 1) + torch.log1p(x.abs()) + torch.rsqrt(x.abs() + .1) + torch.sqrt(x.abs()) + x.pow(2) + x ** 3 + (2. - x) + x.clamp(-.5, .7) + x.clamp(min=.1) + 2 ** x + x.abs() ** 1.7 + torch.expm1(x) + F.glu(torch.cat([x, x * 2], 1)) + x / 3 - (x * .5 + 1) / (x.abs() + 1)), (8,)),
 'compare': (lambda: L(lambda s, x: torch.where(x > 0, x, x * 3) + (x == 1).float() + (x != 0) * x + x.masked_fill(x < -.5, 7.) + ((x > 0) & (x < 1)).float() * 2 + torch.maximum(x, -x) + x.new_zeros(8) + torch.zeros_like(x) + torch.full((8,), .3)), (8,)),
 'reduce': (lambda: L(lambda s, x: x.mean(-1) + x.sum(2) + x.amax(1)[:, :1] + x.max(dim=2)[0] + x.std(2) + x.var(2, unbiased=False) + x.norm(dim=2) + x.softmax(-1).sum(2) + x.log_softmax(1)[:, :, 0] + F.normalize(x, dim=2).sum(2) + (x > 0).any(2).float()), (4, 6)),
 'shapes': (lambda: L(lambda s, x: torch.cat([x.permute(0, 2, 1).reshape(x.shape[0], -1), x.flatten(1).roll(3, 1), x.unsqueeze(1).squeeze(1).flatten(1), x.flip(1).flatten(1), x[:, ::2].flatten(1), x.repeat(1, 2, 1).flatten(1), torch.stack([x[:, 0], x[:, -1]], 1).flatten(1), x.chunk(2, 1)[1].flatten(1), x.split([1, 3], 1)[1].flatten(1), x.unbind(1)[2], x.select(2, 1), x.flatten(1), x.tril().flatten(1), x.triu(1).flatten(1), F.pad(x, (1, 2)).flatten(1), F.pad(x, (1, 2), mode='reflect').flatten(1), F.pad(x, (1, 1), mode='replicate').flatten(1), x[..., 1:-1].flatten(1)], 1)), (4, 6)),
 'matmul': (lambda: L(lambda s, x: (x @ x.transpose(1, 2)).flatten(1).matmul(s.w) + torch.einsum('bij,bkj->bik', x, x).flatten(1) @ s.w + torch.einsum('bij,jk->bk', x, s.u) @ s.v + torch.bmm(x, x.transpose(1, 2)).sum((1, 2)).unsqueeze(1) + (x @ s.g).sum(1, keepdim=True), w=nn.Parameter(torch.randn(16, 5)), u=nn.Parameter(torch.randn(6, 3)), v=nn.Parameter(torch.randn(3, 5)), g=nn.Parameter(torch.randn(6))), (4, 6)),
 'pools': (lambda: L(lambda s, x: torch.cat([f(x).flatten(1) for f in [lambda x: F.max_pool2d(x, 3, 2, 1), lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), lambda x: F.avg_pool2d(x, 3, 2, 1), lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True), lambda x: F.avg_pool2d(x, 2, divisor_override=3), lambda x: F.adaptive_avg_pool2d(x, 5), lambda x: F.adaptive_avg_pool2d(x, (1, 1)), lambda x: F.adaptive_avg_pool2d(x, 14), lambda x: F.interpolate(x, scale_factor=2, mode='nearest'), lambda x: F.interpolate(x, scale_factor=2, mode='bilinear'), lambda x: F.interpolate(x, size=(17, 9), mode='bilinear', align_corners=True), lambda x: F.interpolate(x, size=(17, 9), mode='bilinear')]], 1)), (2, 11, 13)),
 'strided': (lambda: L(lambda s, x: F.adaptive_avg_pool2d(x.permute(0, 3, 1, 2), 1).flatten(1) * 2, c=nn.Conv2d(3, 8, 3)), im),
 'convs': (lambda: L(lambda s, x: torch.cat([getattr(s, 'c%d' % i)(x).flatten(1) for i in range(10)], 1), c0=nn.Conv2d(4, 8, 3, 2, 1, groups=2), c1=nn.Conv2d(4, 8, 3, groups=4, padding=2, dilation=2), c2=nn.Conv2d(4, 4, (3, 5), (1, 2), (1, 0)), c3=nn.Conv2d(4, 6, 4, padding='same'), c4=nn.Conv2d(4, 6, 3, dilation=3, padding=1), c5=nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), c6=nn.ConvTranspose2d(4, 6, 4, 3, 2, groups=2, bias=False), c7=nn.ConvTranspose2d(4, 4, 3, dilation=2), c8=nn.Conv2d(4, 4, 3, (2, 1), groups=4), c9=nn.Conv2d(4, 6, 3, padding=1, padding_mode='reflect')), (4, 9, 10)),
 'conv1d': (lambda: L(lambda s, x: F.max_pool1d(s.b(s.c(x)), 2).flatten(1), c=nn.Conv1d(3, 8, 3, 2, 1), b=nn.BatchNorm1d(8)), (3, 20)),
 'norms': (lambda: L(lambda s, x: s.l(s.g(x)).flatten(1) + s.i(x).flatten(1) + s.r(x).flatten(1), l=nn.LayerNorm([4, 6, 6]), g=nn.GroupNorm(2, 4), i=nn.InstanceNorm2d(4, affine=True), r=nn.RMSNorm(6, eps=1e-6)), (4, 6, 6)),
 'edges': (lambda: L(lambda s, x: torch.cat([F.pad(x, p, mode='replicate').flatten(1) for p in [(1, 2), (0, 2), (3, 1), (0, 7), (-1, 2)]], 1)), (3, 4)),
 'rsub': (lambda: L(lambda s, x: torch.rsub(x, 2., alpha=3.) + torch.rsub(x, x * x, alpha=.3) + torch.sub(x, 2., alpha=3.)), (8,)),
 'whole': (lambda: L(lambda s, x: (((x * 10).long() + 1234567) * 1001 // 1001 - 1234567).float() + torch.fmod((x * 9).long() + 123456789, 1000).float() + ((x * 7).long() // -3).float() + torch.fmod((x * 9).long(), -4).float()), (8,)),
 'dropped': (lambda: L(lambda s, x: s.d(s.a(x)) + 1, a=nn.Linear(8, 8), d=nn.Dropout(.3, inplace=True)), (8,)),
 'mha': (lambda: L(lambda s, x: s.m(x, x, x)[0].mean(1), m=nn.MultiheadAttention(8, 2, batch_first=True)), (5, 8)),
 'mha_seq': (lambda: L(lambda s, x: s.m(x.transpose(0, 1), x.transpose(0, 1), x.transpose(0, 1), need_weights=False)[0].mean(0), m=nn.MultiheadAttention(8, 2)), (5, 8)),
 'sdpa': (lambda: L(lambda s, x: torch.cat([F.scaled_dot_product_attention(x, x, x, attn_mask=s.mask), F.scaled_dot_product_attention(x, x * 2, x, attn_mask=s.bias, scale=.3), F.scaled_dot_product_attention(x.view(-1, 1, 5, 8).expand(-1, 4, -1, -1), x.view(-1, 1, 5, 8).expand(-1, 2, -1, -1), x.view(-1, 1, 5, 8).expand(-1, 2, -1, -1), is_causal=True, enable_gqa=True)[:, 3]], 1)), (5, 8)),
 'rel': (lambda: L(rel, table=nn.Parameter(torch.randn(7))), (4, 4)),
 'buffers': (lambda: L(lambda s, x: (s.a(x).masked_fill(s.mask, -1.) + s.idx.float() + torch.tensor([1., 2., 3., 4., 5., 6., 7., 8.]) + s.plain)[:, s.idx], a=nn.Linear(8, 8)), (8,)),
 'embed': (lambda: L(lambda s, x: s.e(x).sum(1) + s.e2(x).mean(1), e=nn.Embedding(20, 6, padding_idx=0), e2=nn.Embedding(20, 6)), (7,), 'int'),
 'more': (lambda: L(lambda s, x: torch.cat([x.narrow(1, 1, 2).flatten(1), x.narrow(2, -3, 2).flatten(1), x.mT.flatten(1), x.tile(2, 1).flatten(1), x.tile(1, 1, 3).flatten(1), torch.logsumexp(x, 1), torch.logsumexp(x * 50, (1, 2), keepdim=True).flatten(1), x.cumsum(1).flatten(1), x.cumsum(-1).flatten(1), torch.clamp(x, s.low, s.high).flatten(1), torch.clamp(x, max=s.high).flatten(1), torch.remainder(x, 0.7).flatten(1), torch.remainder(x, -0.7).flatten(1), torch.remainder(x, s.high).flatten(1), torch.remainder(s.low, x.abs() + .1).flatten(1), torch.remainder((x * 9).long(), -4).float().flatten(1), (x % 3).flatten(1)], 1), low=nn.Parameter(torch.randn(6)), high=nn.Parameter(torch.randn(6))), (4, 6)),
 'rows': (lambda: L(lambda s, x: torch.cat([s.t(x).flatten(1), s.u(x).flatten(1)], 1), t=nn.ConvTranspose1d(3, 4, 3, 2, 1, 1), u=nn.ConvTranspose1d(3, 6, 4, groups=3, dilation=2, bias=False)), (3, 9)),
 'adaptive_max': (lambda: L(lambda s, x: torch.cat([F.adaptive_max_pool2d(x, (3, 2)).flatten(1), F.adaptive_max_pool2d(s.d(x), 1).flatten(1)], 1), d=nn.Dropout2d(.4)), im),
 'narrowed': (lambda: L(narrowed, a=nn.Linear(8, 8)), (8,)),
 'shuffle': (lambda: L(lambda s, x: F.pixel_shuffle(s.c(x), 2).flatten(1), c=nn.Conv2d(3, 8, 3)), im),
 'shared': (lambda: L(lambda s, x: s.a(F.relu(s.a(F.relu(s.a(x))))), a=nn.Linear(8, 8)), (8,)),
 'groupconv_swin': (lambda: L(lambda s, x: torch.roll(x.permute(0, 2, 3, 1), (1, 2), (1, 2)).view(-1, 3, 4, 3, 4, 3).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, 3).softmax(1).view(-1, 3, 3, 4, 4, 3).mean((1, 2, 3, 4))), (3, 12, 12)),
}
def prep(name, m):
    with torch.no_grad():
        for b in m.modules():
            if hasattr(b, 'running_mean') and b.running_mean is not None: b.running_mean.normal_(); b.running_var.uniform_(.5, 2)
    if name == 'sdpa':
        mk = torch.ones(5, 5, dtype=torch.bool).tril(); mk[2] = False
        m.register_buffer('mask', mk); m.register_buffer('bias', torch.randn(5, 5), persistent=False)
    if name == 'buffers':
        m.register_buffer('mask', torch.arange(8) % 3 == 0); m.register_buffer('idx', torch.tensor([7, 0, 3, 1, 1, 2, 6, 5]), persistent=False); m.plain = torch.randn(8)
    return m.eval()


def write(folder, name):
    build, shape, *kind = cases[name]
    torch.manual_seed(1)
    m = prep(name, build())
    x = torch.randint(0, 20, (4, *shape)) if kind else torch.randn(4, *shape)
    d = copy.deepcopy(m).double()
    if hasattr(d, "plain"):
        d.plain = d.plain.double()
    path = os.path.join(folder, name)
    np.save(path + "_x.npy", x.numpy())
    np.save(path + "_float32.npy", m(x).detach().numpy())
    np.save(path + "_float64.npy", d(x if kind else x.double()).detach().numpy())
    program = torch.export.export(m, (x,), dynamic_shapes={"x": {0: torch.export.Dim("batch")}})
    torch.export.save(program, path + ".pt2")
    # A norm by running statistics per example becomes one over the batch there, which is refused.
    if name != "norms":
        torch.export.save(program.run_decompositions(), path + "_decomposed.pt2")


def change_shape(s, x):
    h = x * 1; v = h.view(-1, 2, 2); v.transpose_(1, 2); return h + v.flatten(1)
def change_unseen(s, x):
    h = x * 1; v = h[:, :2]
    with torch.no_grad(): v.mul_(3)
    return h + 1
# Where numbers would be others than PyTorch's: what the refusal must name.
refused = {
 'wrapping': (lambda: L(lambda s, x: ((x * 100).to(torch.int8) * 3).float()), (4,), 'to (to.dtype): it computes whole numbers of type int8'),
 'wrapping_cast': (lambda: L(lambda s, x: (x * 50).long().to(torch.uint8).float()), (4,), '(to.dtype): it computes whole numbers of type uint8'),
 'beyond': (lambda: L(lambda s, x: ((x * 10).long() + 2 ** 40).float()), (4,), 'add (add.Tensor): 1099511627776 is beyond 2^31'),
 'change_shape': (lambda: L(change_shape), (4,), 'transpose_ (transpose.default): it changes the shape of a tensor in place'),
 'change_unseen': (lambda: L(change_unseen), (4,), 'is changed in place where gradients are switched off'),
 'instance': (lambda: L(lambda s, x: s.n(x).flatten(1), n=nn.InstanceNorm1d(3, track_running_stats=True)), (3, 5), 'in module "n" (instance_norm.default): an instance norm with running statistics'),
 'share': (lambda: L(lambda s, x: x / x.shape[0]), (4,), 'other is computed from the number of examples'),
 'reordered': (lambda: L(lambda s, x: torch.as_strided(x, (x.shape[0], 2, 2), (4, 1, 2))), (4,), 'it reads memory in another order than the tensor has it'),
 'place': (lambda: L(lambda s, x: x + torch.arange(x.shape[0])[:, None]), (4,), 'or on its place among them'),
}


def write_refused(folder, name):
    build, shape, _ = refused[name]
    program = torch.export.export(build().eval(), (torch.randn(4, *shape),), dynamic_shapes={"x": {0: torch.export.Dim("batch")}})
    torch.export.save(program, os.path.join(folder, name + ".pt2"))


if __name__ == "__main__":
    if sys.argv[1] == "--refused":
        for each in refused:
            write_refused(sys.argv[2], each)
        print(json.dumps({name: words for name, (*_, words) in refused.items()}))
        sys.exit()
    for each in cases:
        write(sys.argv[1], each)
    print(json.dumps(list(cases)))
