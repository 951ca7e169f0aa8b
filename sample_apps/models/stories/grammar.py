"""Little stories from a grammar: `story(random.Random(seed))` is one, always the same for the same seed.

    python3 grammar.py --count 3 --seed 7
"""

import argparse
import random
import re

import plots

PRONOUNS = {"girl": {"he": "she", "him": "her", "his": "her", "himself": "herself"},
            "boy": {"he": "he", "him": "him", "his": "his", "himself": "himself"}}
FAMILY_PRONOUN = {"mother": "her", "grandmother": "her", "big sister": "her", "aunt": "her"}
INNERMOST_CHOICE = re.compile(r"\[([^\[\]]*)\]")
SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")


def made_up_name(rng):
    """A name that is in no list, so that names have to be copied and cannot all be learnt."""
    name = "".join(rng.choice(plots.SYLLABLES) for _ in range(rng.choice([2, 2, 3])))
    return (name + rng.choice(plots.LAST_LETTERS)).capitalize()


def character(rng, taken):
    """Somebody with another name and of another kind than those already there."""
    while True:
        sex = rng.choice(["girl", "boy"])
        if rng.random() < 0.3:
            name = made_up_name(rng)
        else:
            name = rng.choice(plots.GIRLS if sex == "girl" else plots.BOYS)
        kind = rng.choice(plots.KINDS)
        if all(name != other["name"] and kind != other["kind"] for other in taken):
            return {"name": name, "kind": kind, "size": rng.choice(plots.SIZES), **PRONOUNS[sex]}


def pick(alternatives, rng):
    """One of them, the earlier ones a little more often: a greedy reader of stories then has a favourite."""
    return rng.choices(alternatives, weights=range(len(alternatives) + 1, 1, -1))[0]


def choose(text, rng):
    """The text with one alternative taken in each [a|b], the innermost first."""
    while True:
        found = INNERMOST_CHOICE.search(text)
        if not found:
            return text
        text = text[:found.start()] + pick(found.group(1).split("|"), rng) + text[found.end():]


def fill(text, words, cast):
    """The text with its slots filled; what fills a slot may have slots itself."""
    def value(match):
        name, part = match.groups()
        if name not in cast:
            return words[name]
        if part is None:
            return cast[name]["name"]
        if part == "him_family":
            return FAMILY_PRONOUN.get(words["family"], "him")
        found = cast[name][part.lower()]
        return found.capitalize() if part[0].isupper() else found
    while SLOT.search(text):
        text = SLOT.sub(value, text)
    return text


def tidied(text):
    """`a` before a vowel becomes `an`, and what empty alternatives leave is removed."""
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return re.sub(r" +", " ", text).strip()


def story(rng):
    """A story of four or five paragraphs, separated by newlines."""
    cast = {}
    for role in "hft":
        cast[role] = character(rng, cast.values())
    words = {slot: pick(values, rng) for slot, values in plots.WORDS.items()}
    words["place"], words["home"] = pick(plots.PLACES, rng)
    words["by"] = pick(plots.BY, rng)
    plot = rng.choice(plots.PLOTS)
    words.update((slot, pick(values, rng)) for slot, values in plot["draw"].items())
    words["moral"] = pick(plot["moral"] + [""], rng)
    words.update({"the_" + slot: re.sub(r"^an? ", "the ", value) for slot, value in words.items()})
    words.update({"The_" + slot[4:]: words[slot].capitalize() for slot in list(words) if slot.startswith("the_")})
    opening = pick(plots.OPENINGS, rng)
    if "{f}" in opening:  # the friend is known already and is not introduced a second time
        body = [re.sub(r"\{f\} the \{f\.kind\}", "{f}", paragraph) for paragraph in plot["text"]]
        if re.search(r"\{f\.kind\} (?:named|called)|name is \{f\}|I am \{f\}|\[\{f\}|a clever", " ".join(body)):
            opening, body = pick(plots.OPENINGS[:3], rng), plot["text"]
    else:
        body = plot["text"]
    paragraphs = [opening, *body, pick(plots.ENDINGS, rng) + " " + pick(plots.LAST_WORDS, rng)]
    return "\n".join(tidied(fill(choose(text, rng), words, cast)) for text in paragraphs)


def main():
    parser = argparse.ArgumentParser(description="Print little stories.")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    print("\n\n".join(story(rng) for _ in range(arguments.count)))


if __name__ == "__main__":
    main()
