#!/usr/bin/env python3
"""How well the model keeps a story together: it goes on from openings of the grammar that it has not seen.

    python3 evaluate.py --stories 50
"""

import argparse
import collections
import random
import re

import numpy as np

import grammar
import plots
import reference

FOODS = "|".join(plots.WORDS["food"])
FAMILY = re.compile("(?:his|her|His|Her) (" + "|".join(plots.WORDS["family"]) + ")")
# Words with a capital that are no names: those that the grammar itself writes.
WRITTEN = set(re.findall(r"[A-Z]\w+", " ".join([*plots.OPENINGS, *plots.ENDINGS, *plots.LAST_WORDS, *plots.BY,
                                                *plots.WORDS["time"], *(str(plot) for plot in plots.PLOTS)])))
WRITTEN |= {"She", "He", "Her", "His", "The", "An"}


def names(text):
    """How often each name occurs."""
    return collections.Counter(word for word in re.findall(r"[A-Z]\w+", text) if word not in WRITTEN)


def facts(opening, rest):
    """What can be said of a story: True, False, or None where it does not arise."""
    last = rest.split("\n")[-1]
    used = names(opening + "\n" + rest)
    hero = names(opening).most_common(1)[0][0]
    foods, family = set(re.findall(FOODS, last)), set(FAMILY.findall(last))
    return {"speaks of its hero in the last paragraph": hero in names(last),
            "uses each name more than once": min(used.values()) > 1,
            "has two or three names": 2 <= len(used) <= 3,
            "remembers the favourite food": foods <= set(re.findall(FOODS, opening)) if foods else None,
            "remembers the family": family <= set(re.findall("|".join(plots.WORDS["family"]), opening))
            if family else None}


def report(title, stories):
    print(title)
    found = [facts(*story) for story in stories]
    for key in found[0]:
        known = [fact[key] for fact in found if fact[key] is not None]
        print(f"  {sum(known)} of {len(known)} {key}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=reference.FOLDER / "stories-q8_0.gguf")
    parser.add_argument("--stories", type=int, default=50)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    model = reference.Model(arguments.model)
    rng, draws = random.Random(f"evaluation {arguments.seed}"), np.random.default_rng(arguments.seed)
    written, told, ended = [], [], 0
    for _ in range(arguments.stories):
        opening, rest = grammar.story(rng).split("\n", 1)
        written.append((opening, rest))
        ids = model.tokenizer.encode(opening + "\n")
        story = model.sampled(ids, arguments.temperature, draws)
        ended += len(ids) + len(story) < 512
        told.append((opening, model.tokenizer.decode(ids + story)[len(opening) + 1:]))
    report("the grammar:", written)
    report(f"the model at temperature {arguments.temperature:g}, {ended} of {len(told)} came to an end:", told)


if __name__ == "__main__":
    main()
