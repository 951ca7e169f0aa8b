#!/usr/bin/env python3
"""The story model that ships, against what its reference implementation in numpy says."""

import json
import os
import pathlib
import signal
import subprocess
import unittest

from harness import PROGRAM, TIMEOUT_S, cli_test, stop

FOLDER = pathlib.Path(os.environ["TROUPE_MODELS"]) / "stories"
# In standard deviations of the logits: what fp16 arithmetic may move is far below.
CLEAR = 0.02


class stories_test(cli_test):
    def test_both_files_tell_the_reference_s_stories(self):
        expected = json.loads((FOLDER / "stories_reference.json").read_text())
        for file in expected["files"]:
            clear = [prompt for prompt in file["prompts"] if prompt["smallest_margin"] > CLEAR]
            self.assertGreaterEqual(len(clear), 4)
            for prompt in clear:
                answer = self.troupe_json("generate", FOLDER / file["file"], "--prompt", prompt["text"], "--max-tokens",
                                          len(prompt["tokens"]), "--ignore-eos")
                self.assertEqual(answer["prompt_tokens"], prompt["ids"])
                self.assertEqual(answer["tokens"], prompt["tokens"], prompt["text"])

    def test_a_story_survives_a_lost_shard(self):
        story = [FOLDER / "stories-q8_0.gguf", "--prompt", "Once upon a time", "--max-tokens", 200]
        whole = self.troupe_json("generate", *story)
        again = self.troupe_json("generate", *story, "--shards", 3, "--allow-fault-injection", "--kill-at", 150,
                                 "--kill-part", 1)
        self.assertEqual(again["tokens"], whole["tokens"])
        self.assertEqual(again["recoveries"], 1)
        self.assertEqual(again["text"], whole["text"])

    def start_nodes(self):
        """Two nodes on the device that the answers are compared on; how to use it alone, and the nodes."""
        placement = self.exact_placements()[-1]
        nodes = [self.start_node("--name", name, device=placement[1]) for name in ("left", "right")]
        spread = [word for _, ready in nodes for word in ("--node", f"127.0.0.1:{ready['port']}")]
        return placement, nodes, [*placement, "--shards", 2, *spread]

    def test_a_story_survives_a_killed_node(self):
        placement, nodes, spread = self.start_nodes()
        story = ["generate", FOLDER / "stories-q8_0.gguf", "--prompt", "Once upon a time", "--max-tokens", 200]
        whole = self.troupe_json(*story, *placement)
        again = self.troupe_json(*story, *spread)
        self.assertEqual((again["tokens"], again["recoveries"]), (whole["tokens"], 0))
        telling = subprocess.Popen([PROGRAM, *map(str, [*story, *spread])], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(stop, telling)
        beginning = telling.stdout.read(40)
        nodes[1][0].send_signal(signal.SIGKILL)
        rest, said = telling.communicate(timeout=TIMEOUT_S)
        self.assertEqual(telling.returncode, 0, said)
        self.assertEqual(beginning + rest, whole["text"] + "\n")
        self.assertIn("recovered", said)

    def test_vectors_and_perplexity_over_nodes_are_the_same(self):
        placement, _, spread = self.start_nodes()
        text = "Once upon a time, there was a little fox. " * 8
        for command, key in [("embed", "embedding"), ("perplexity", "nats_per_token")]:
            file = [command, FOLDER / "stories-f16.gguf", "--text", text]
            self.assertEqual(self.troupe_json(*file, *spread)[key], self.troupe_json(*file, *placement)[key])

    def test_a_text_has_one_vector(self):
        def vector(text, *options):
            return self.troupe_json("embed", FOLDER / "stories-f16.gguf", "--text", text, "--normalize", *options)[
                "embedding"]

        def cosine(a, b):
            return sum(x * y for x, y in zip(a, b))

        for pooling in ["mean", "last"]:
            a = vector("Once upon a time, there was a little fox.", "--pooling", pooling)
            self.assertEqual(len(a), 256)
            self.assertAlmostEqual(cosine(a, a), 1, places=5)
            self.assertLess(cosine(a, vector("Everybody ate honey cake.", "--pooling", pooling)), 0.99)

    def test_what_the_model_has_read_surprises_it_less(self):
        def perplexity(text):
            return self.troupe_json("perplexity", FOLDER / "stories-f16.gguf", "--text", text)["perplexity"]

        told = perplexity("Once upon a time, there was a kind young badger named Moza. He lived in a green valley.")
        self.assertLess(told, 10)
        shuffled = perplexity("badger valley green a in a He kind lived there time upon was named young.")
        self.assertGreater(shuffled, 10 * told)


if __name__ == "__main__":
    unittest.main()
