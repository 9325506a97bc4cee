"""Two small transformers, exported untrained, and the text of a small grammar: what scripts/transformers.mjs trains and compares.

python transformers.py make FOLDER writes ViT.pt2 (LayerNorm) and GPT.pt2 (RMSNorm, its table of tokens also being the head),
untrained, and trains two GPTs: GPT-1.pt and GPT-2.pt.
python transformers.py lines FOLDER STEPS prints the test losses on the line between them, unaligned and as Basin aligned them
(GPT-ALIGNMENT/checkpoint_epoch_1_model_1.pt and _2.pt).
"""

import json
import os
import random
import sys
import warnings

import torch
import torch.nn.functional as F
from torch import nn

warnings.filterwarnings("ignore")
# The last bits, and so the trained networks, depend on the number of threads.
torch.set_num_threads(1)
STEPS, SEQUENCES, TRAIN = 32, 5000, 4500


class Block(nn.Module):
    def __init__(self, size, heads, hidden, norm, bias, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.first, self.second = norm(size), norm(size)
        self.qkv, self.out = nn.Linear(size, 3 * size, bias=bias), nn.Linear(size, size, bias=bias)
        self.up, self.down = nn.Linear(size, hidden, bias=bias), nn.Linear(hidden, size, bias=bias)

    def forward(self, x):
        batch, steps, size = x.shape
        q, k, v = (y.view(batch, steps, self.heads, -1).transpose(1, 2) for y in self.qkv(self.first(x)).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(y.transpose(1, 2).reshape(batch, steps, size))
        return x + self.down(F.gelu(self.up(self.second(x))))


class ViT(nn.Module):
    def __init__(self, size=32, heads=4, depth=2, patch=7, classes=10):
        super().__init__()
        self.patch = nn.Conv2d(1, size, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, size) * 0.02)
        self.places = nn.Parameter(torch.randn(1, (28 // patch) ** 2 + 1, size) * 0.02)
        self.blocks = nn.ModuleList([Block(size, heads, 2 * size, nn.LayerNorm, True, False) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(size), nn.Linear(size, classes)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class GPT(nn.Module):
    def __init__(self, tokens, size=32, heads=4, depth=2):
        super().__init__()
        self.table, self.places = nn.Embedding(tokens, size), nn.Embedding(STEPS, size)
        self.blocks = nn.ModuleList([Block(size, heads, 4 * size, nn.RMSNorm, False, True) for _ in range(depth)])
        self.norm, self.head = nn.RMSNorm(size), nn.Linear(size, tokens, bias=False)
        for embedding in (self.table, self.places):
            nn.init.normal_(embedding.weight, 0, 0.2)
        self.head.weight = self.table.weight

    def forward(self, x):
        x = self.table(x) + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


ARTICLES = {"one": ["the", "a", "each"], "many": ["the", "some", "two"]}
NOUNS = {"one": ["cat", "dog", "bird", "child"], "many": ["cats", "dogs", "birds", "children"]}
VERBS = {"one": ["sees", "likes", "follows"], "many": ["see", "like", "follow"]}
ALONE = {"one": ["sleeps", "sings"], "many": ["sleep", "sing"]}


def phrase(draw, depth=0):
    """The cat; two old red dogs near the child."""
    number = draw.choice(["one", "many"])
    words = [draw.choice(ARTICLES[number])]
    while draw.random() < 0.35:
        words.append(draw.choice(["old", "small", "red"]))
    words.append(draw.choice(NOUNS[number]))
    if depth < 2 and draw.random() < 0.3:
        words += [draw.choice(["near", "with"]), *phrase(draw, depth + 1)[0]]
    return words, number


def sentence(draw):
    """The verb agrees with its subject, however far away that is."""
    subject, number = phrase(draw)
    if draw.random() < 0.4:
        return [*subject, draw.choice(ALONE[number]), "."]
    return [*subject, draw.choice(VERBS[number]), *phrase(draw)[0], "."]


def text():
    draw, words, length = random.Random(1), [], SEQUENCES * STEPS + 1
    while len(words) < length:
        words += sentence(draw)
    vocabulary = sorted(set(words))
    numbers = {word: i for i, word in enumerate(vocabulary)}
    tokens = torch.tensor([numbers[word] for word in words[:length]])
    # The last token of a sequence is only predicted; the next sequence begins with it.
    return tokens.unfold(0, STEPS + 1, STEPS), len(vocabulary)


def write(folder, name, model, x):
    program = torch.export.export(model.eval(), (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, os.path.join(folder, f"{name}.pt2"))


def loss(model, tokens):
    return F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())


def train(tokens, vocabulary, seed):
    torch.manual_seed(seed)
    model = GPT(vocabulary)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.01)
    for _ in range(6):
        for rows in torch.randperm(TRAIN).split(64):
            optimizer.zero_grad()
            loss(model, tokens[rows]).backward()
            optimizer.step()
    return model


def ends(folder, align):
    """The state dicts of both models."""
    if align == "none":
        return [torch.load(os.path.join(folder, f"GPT-{i}.pt"), weights_only=True) for i in (1, 2)]
    path = os.path.join(folder, f"GPT-{align}", "checkpoint_epoch_1_model_{}.pt")
    return [torch.load(path.format(i), weights_only=True)["model_state_dict"] for i in (1, 2)]


@torch.no_grad()
def line(tokens, vocabulary, pair, steps):
    model = GPT(vocabulary)
    # Aligned by orthogonal maps, table and head are two.
    model.head.weight = nn.Parameter(model.head.weight.clone())
    found = []
    for i in range(steps + 1):
        part = i / steps
        mixed = {key: (1 - part) * value + part * pair[1][key] for key, value in pair[0].items()}
        model.load_state_dict(mixed, strict=True)
        found.append(loss(model, tokens[TRAIN:]).item())
    return found


def make(folder):
    os.makedirs(folder, exist_ok=True)
    tokens, vocabulary = text()
    torch.manual_seed(0)
    write(folder, "ViT", ViT(), torch.randn(2, 1, 28, 28))
    write(folder, "GPT", GPT(vocabulary), tokens[:2, :-1])
    for seed in (1, 2):
        torch.save(train(tokens, vocabulary, seed).state_dict(), os.path.join(folder, f"GPT-{seed}.pt"))


def lines(folder, steps):
    tokens, vocabulary = text()
    alignments = ("none", "weight", "orthogonal")
    return {align: [line(tokens, vocabulary, ends(folder, align), steps)] for align in alignments}


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        print(json.dumps(lines(sys.argv[2], int(sys.argv[3]))))
