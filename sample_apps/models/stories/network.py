"""The story model in PyTorch: a small llama, with its weights named as in its GGUF file."""

import math

import torch
from torch import nn
from torch.nn import functional

CONTEXT = 512
WIDTH = 256
LAYERS = 4
HEADS = 8
KV_HEADS = 2
HEAD_SIZE = WIDTH // HEADS
HIDDEN = 512
EPSILON = 1e-5
ROPE_BASE = 10000.0


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * self.weight


def linear(rows_in, rows_out, deviation):
    layer = nn.Linear(rows_in, rows_out, bias=False)
    nn.init.normal_(layer.weight, std=deviation)
    return layer


def turned(x, cosine, sine):
    """[batch, heads, tokens, head_size]: each pair (2i, 2i+1) turned by its position."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], dim=-1).flatten(-2)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        small, smaller = WIDTH ** -0.5, WIDTH ** -0.5 / math.sqrt(2 * LAYERS)
        self.attn_norm, self.ffn_norm = Norm(), Norm()
        self.attn_q = linear(WIDTH, WIDTH, small)
        self.attn_k = linear(WIDTH, KV_HEADS * HEAD_SIZE, small)
        self.attn_v = linear(WIDTH, KV_HEADS * HEAD_SIZE, small)
        self.attn_output = linear(WIDTH, WIDTH, smaller)
        self.ffn_gate = linear(WIDTH, HIDDEN, small)
        self.ffn_up = linear(WIDTH, HIDDEN, small)
        self.ffn_down = linear(HIDDEN, WIDTH, smaller)

    def forward(self, x, cosine, sine, mask):
        batch, tokens, _ = x.shape
        normed = self.attn_norm(x)
        query = self.attn_q(normed).view(batch, tokens, HEADS, HEAD_SIZE).transpose(1, 2)
        key = self.attn_k(normed).view(batch, tokens, KV_HEADS, HEAD_SIZE).transpose(1, 2)
        value = self.attn_v(normed).view(batch, tokens, KV_HEADS, HEAD_SIZE).transpose(1, 2)
        query, key = turned(query, cosine, sine) / math.sqrt(HEAD_SIZE), turned(key, cosine, sine)
        # The heads that share a key are rows of one product, so that the keys need not be repeated.
        group = HEADS // KV_HEADS
        scores = query.reshape(batch, KV_HEADS, group * tokens, HEAD_SIZE) @ key.transpose(-1, -2)
        weights = torch.softmax(scores.view(batch, KV_HEADS, group, tokens, tokens) + mask, dim=-1)
        mixed = weights.view(batch, KV_HEADS, group * tokens, tokens).to(value.dtype) @ value
        mixed = mixed.view(batch, HEADS, tokens, HEAD_SIZE).transpose(1, 2).reshape(batch, tokens, WIDTH)
        x = x + self.attn_output(mixed)
        normed = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(normed)) * self.ffn_up(normed))


class Network(nn.Module):
    """Token ids [batch, tokens] to logits [batch, tokens, vocabulary]. The embedding is also the output matrix."""

    def __init__(self, vocabulary):
        super().__init__()
        self.token_embd = nn.Embedding(vocabulary, WIDTH)
        nn.init.normal_(self.token_embd.weight, std=WIDTH ** -0.5)
        self.blk = nn.ModuleList(Block() for _ in range(LAYERS))
        self.output_norm = Norm()
        frequencies = ROPE_BASE ** (-torch.arange(0, HEAD_SIZE, 2).float() / HEAD_SIZE)
        angles = torch.arange(CONTEXT).float()[:, None] * frequencies
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)
        self.register_buffer("mask", torch.full((CONTEXT, CONTEXT), -math.inf).triu(1), persistent=False)

    def forward(self, ids):
        tokens = ids.shape[1]
        x = self.token_embd(ids)
        for block in self.blk:
            x = block(x, self.cosine[:tokens], self.sine[:tokens], self.mask[:tokens, :tokens])
        return functional.linear(self.output_norm(x), self.token_embd.weight)
