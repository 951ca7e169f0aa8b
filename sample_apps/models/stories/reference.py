#!/usr/bin/env python3
"""The story model in plain numpy and float32, from its GGUF file; shares no code with the training.

    python3 reference.py --prompt "Once upon a time, there was a brave little fox named"
    python3 reference.py --check      # stories_reference.json against the files
"""

import argparse
import json
from pathlib import Path

import numpy as np

import gguf
import spm

FOLDER = Path(__file__).resolve().parent
REFERENCE = "stories_reference.json"


class Model:
    """A llama: RMS norms, rotary positions on neighbouring pairs, grouped heads, gated feed-forward."""

    def __init__(self, path):
        file = gguf.Reader(path)
        self.tensors, self.metadata = file.tensors, file.metadata
        if self.metadata["general.architecture"] != "llama":
            raise ValueError(f"{path} holds a {self.metadata['general.architecture']}, not a llama")
        self.layers = self.of("block_count")
        self.heads, self.kv_heads = self.of("attention.head_count"), self.of("attention.head_count_kv")
        self.head_size = self.of("embedding_length") // self.heads
        self.epsilon = self.of("attention.layer_norm_rms_epsilon")
        pairs = np.arange(0, self.head_size, 2, dtype=np.float32)
        self.frequencies = np.float32(self.of("rope.freq_base")) ** (-pairs / self.head_size)
        self.tokenizer = spm.Tokenizer(*(self.metadata["tokenizer.ggml." + key]
                                         for key in ("tokens", "scores", "token_type")))
        self.reset()

    def of(self, key):
        return self.metadata["llama." + key]

    def reset(self):
        """Forgets the tokens so far."""
        self.keys = [np.zeros((0, self.kv_heads, self.head_size), np.float32) for _ in range(self.layers)]
        self.values = list(self.keys)

    def norm(self, x, name):
        scale = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(self.epsilon))
        return x * scale * self.tensors[name]

    def turned(self, x, first_position):
        """[tokens, heads, head_size] with each pair (2i, 2i+1) turned by position * frequency i."""
        angles = np.arange(first_position, first_position + len(x), dtype=np.float32)[:, None] * self.frequencies
        cosine, sine = np.cos(angles)[:, None, :], np.sin(angles)[:, None, :]
        even, odd = x[..., 0::2], x[..., 1::2]
        return np.stack([even * cosine - odd * sine, even * sine + odd * cosine], axis=-1).reshape(x.shape)

    def attention(self, x, layer):
        weight = lambda name: self.tensors[f"blk.{layer}.attn_{name}.weight"].T
        past = len(self.keys[layer])
        query = self.turned((x @ weight("q")).reshape(len(x), self.heads, self.head_size), past)
        key = self.turned((x @ weight("k")).reshape(len(x), self.kv_heads, self.head_size), past)
        value = (x @ weight("v")).reshape(len(x), self.kv_heads, self.head_size)
        self.keys[layer] = np.concatenate([self.keys[layer], key])
        self.values[layer] = np.concatenate([self.values[layer], value])
        group = self.heads // self.kv_heads
        keys, values = (np.repeat(cached, group, axis=1) for cached in (self.keys[layer], self.values[layer]))
        scores = np.einsum("qhd,khd->hqk", query, keys) / np.sqrt(np.float32(self.head_size))
        later = np.arange(len(keys))[None, :] > np.arange(past, past + len(x))[:, None]
        scores = np.where(later, -np.inf, scores)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return np.einsum("hqk,khd->qhd", weights, values).reshape(len(x), -1) @ weight("output")

    def logits(self, ids):
        """[tokens, vocabulary] for tokens that follow those of the calls before."""
        x = self.tensors["token_embd.weight"][ids]
        for layer in range(self.layers):
            weight = lambda name: self.tensors[f"blk.{layer}.ffn_{name}.weight"].T
            x = x + self.attention(self.norm(x, f"blk.{layer}.attn_norm.weight"), layer)
            normed = self.norm(x, f"blk.{layer}.ffn_norm.weight")
            gate = normed @ weight("gate")
            x = x + (gate / (1 + np.exp(-gate)) * (normed @ weight("up"))) @ weight("down")
        output = self.tensors.get("output.weight", self.tensors["token_embd.weight"])
        return self.norm(x, "output_norm.weight") @ output.T

    def greedy(self, ids, count):
        """The `count` likeliest tokens one after the other, and the logits each was taken from. The end of the text
        does not stop it."""
        self.reset()
        taken, rows, following = [], [], ids
        for _ in range(count):
            rows.append(self.logits(following)[-1])
            taken.append(int(rows[-1].argmax()))
            following = taken[-1:]
        return taken, np.array(rows)

    def sampled(self, ids, temperature, rng, limit=512):
        """Tokens until the end of the text, drawn at a temperature."""
        self.reset()
        taken, following = [], ids
        while len(ids) + len(taken) < limit:
            row = self.logits(following)[-1] / max(temperature, 1e-3)
            odds = np.exp((row - row.max()).astype(np.float64))
            following = [int(rng.choice(len(row), p=odds / odds.sum()))]
            if following[0] == spm.END:
                break
            taken += following
        return taken


def margins(rows):
    """How far the likeliest token is ahead of the next one, in standard deviations of the row."""
    two = np.sort(rows, axis=1)[:, -2:]
    return (two[:, 1] - two[:, 0]) / rows.std(axis=1)


def check():
    """Whether the files still give what stories_reference.json says."""
    expected = json.loads((FOLDER / REFERENCE).read_text())
    wrong = 0
    for entry in expected["files"]:
        model = Model(FOLDER / entry["file"])
        for prompt in entry["prompts"]:
            ids = model.tokenizer.encode(prompt["text"])
            tokens, _ = model.greedy(ids, len(prompt["tokens"]))
            if ids != prompt["ids"] or tokens != prompt["tokens"]:
                wrong += 1
                print(f"{entry['file']}: other tokens for \"{prompt['text']}\"")
        print(f"{entry['file']}: {len(entry['prompts'])} prompts compared")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description="Tell a story.")
    parser.add_argument("--model", default=FOLDER / "stories-q8_0.gguf")
    parser.add_argument("--prompt", default="Once upon a time")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        return check()
    model = Model(arguments.model)
    ids = model.tokenizer.encode(arguments.prompt)
    story = model.sampled(ids, arguments.temperature, np.random.default_rng(arguments.seed))
    print(model.tokenizer.decode(ids + story))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
