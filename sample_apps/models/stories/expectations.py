#!/usr/bin/env python3
"""Writes stories_reference.json: what both files answer to some prompts, for tests of other implementations.

A story is full of choices between words that are about equally likely, where other arithmetic may rightly take another
word. So of many beginnings those are kept whose 64 likeliest tokens are all clearly ahead of the next one."""

import argparse
import hashlib
import json
import random
from pathlib import Path

import grammar
import reference

FILES = ("stories-f16.gguf", "stories-q8_0.gguf")
TOKENS = 64
PROMPTS = 8
CANDIDATES = 60
ALWAYS = ["", "Once upon a time", "One day, Zo\u00eb found 3 keys.\nThe keys"]


def candidates(seed):
    """Beginnings of stories, cut after one to four sentences or in the midst of one."""
    rng = random.Random(f"prompts {seed}")
    for at in range(CANDIDATES):
        words = grammar.story(rng).split(" ")
        yield " ".join(words[:rng.choice([8, 20, 40, 70, 110])])


def answer(model, text):
    ids = model.tokenizer.encode(text)
    tokens, rows = model.greedy(ids, TOKENS)
    continuation = model.tokenizer.decode(ids + tokens)[len(text):]
    top = rows[0].argsort()[::-1][:8]
    return {"text": text, "ids": ids, "tokens": tokens, "continuation": continuation,
            "smallest_margin": round(float(reference.margins(rows).min()), 5),
            "first_top_ids": top.tolist(), "first_top_logits": [round(float(rows[0][at]), 4) for at in top]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=reference.FOLDER)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    models = [reference.Model(arguments.folder / name) for name in FILES]
    found = [[answer(model, text) for model in models] for text in candidates(arguments.seed)]
    found.sort(key=lambda answers: -min(one["smallest_margin"] for one in answers))
    kept = [[answer(model, text) for model in models] for text in ALWAYS] + found[:PROMPTS - len(ALWAYS)]
    files = [{"file": name, "sha256": hashlib.sha256((arguments.folder / name).read_bytes()).hexdigest(),
              "prompts": [answers[at] for answers in kept]} for at, name in enumerate(FILES)]
    content = {"evaluation": "numpy float32, greedy, the end of the text does not stop it",
               "smallest_margin": "of the likeliest token to the next one, in standard deviations of the logits",
               "files": files}
    (arguments.folder / reference.REFERENCE).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
