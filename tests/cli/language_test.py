#!/usr/bin/env python3
"""troupe generate, perplexity and bench with small llama-shaped models of random weights, and with the models of a
reference implementation where TROUPE_LLM_FIXTURES names their folder."""

import json
import math
import os
import pathlib
import struct
import sys
import unittest

import numpy

from harness import cli_test

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "perf"))
import make_language_models  # noqa: E402

TYPES = ["F16", "Q8_0", "Q4_0", "Q4_K"]
PROMPT = "the rain in"


class language_test(cli_test):
    def model(self, kind="Q8_0"):
        path = self.folder / f"tiny.{kind}.gguf"
        return path if path.exists() else make_language_models.write_model(path, "tiny", kind)

    def generate(self, *arguments, kind="Q8_0", prompt=("--prompt", PROMPT), count=12):
        return self.troupe_json("generate", self.model(kind), *prompt, "--max-tokens", count, "--ignore-eos",
                                "--context", 128, *arguments)

    def with_logits(self, *arguments, **named):
        file = self.folder / "logits.npy"
        answer = self.generate(*arguments, "--logits", file, **named)
        return answer, numpy.load(file)


class generate_test(language_test):
    def test_greedy_tokens_are_the_most_probable_ones(self):
        for kind in TYPES:
            answer, logits = self.with_logits(kind=kind)
            self.assertEqual(logits.shape, (12, 512), kind)
            self.assertEqual(logits.dtype, numpy.float32)
            self.assertTrue(numpy.isfinite(logits).all(), kind)
            self.assertEqual(answer["tokens"], logits.argmax(axis=1).tolist(), kind)
            self.assertEqual(answer["finish_reason"], "length")
            self.assertGreater(numpy.abs(logits - logits[0]).max(), 0.01)

    def test_the_answer_as_json(self):
        answer = self.generate()
        tokens = self.troupe_json("tokenize", self.model(), "--text", PROMPT)["tokens"]
        self.assertEqual(list(answer), ["prompt_tokens", "tokens", "text", "finish_reason", "timings", "weights_sent_bytes",
                                        "recoveries"])
        self.assertEqual(answer["prompt_tokens"], tokens)
        self.assertEqual(len(answer["tokens"]), 12)
        self.assertEqual(answer["recoveries"], 0)
        self.assertEqual(list(answer["timings"]), ["load", "prompt", "generate"])
        self.assertGreater(answer["timings"]["generate"]["tokens_per_second"], 0)
        self.assertEqual(self.generate("--no-bos")["prompt_tokens"], tokens[1:])

    def test_people_see_the_text(self):
        done = self.troupe("generate", self.model(), "--prompt", PROMPT, "--max-tokens", 12, "--ignore-eos")
        self.assertEqual(done.out.rstrip("\n"), self.generate()["text"])
        self.assertIn("12 generated at", done.err)

    def test_a_prompt_as_tokens_or_from_a_file_is_the_same(self):
        expected = self.generate()
        tokens = ",".join(map(str, expected["prompt_tokens"]))
        file = self.folder / "prompt.txt"
        file.write_text(PROMPT)
        self.assertEqual(self.generate(prompt=("--tokens", tokens))["tokens"], expected["tokens"])
        self.assertEqual(self.generate(prompt=("--prompt-file", file))["tokens"], expected["tokens"])

    def test_a_prompt_that_is_resumed_goes_on_as_if_it_had_been_generated(self):
        whole, logits = self.with_logits()
        begun = whole["prompt_tokens"] + whole["tokens"][:5]
        rest, rest_logits = self.with_logits(prompt=("--tokens", ",".join(map(str, begun))), count=7)
        self.assertEqual(rest["tokens"], whole["tokens"][5:])
        self.assertTrue(numpy.array_equal(rest_logits, logits[5:]))

    def test_shards_change_no_bit(self):
        for placement in self.exact_placements():
            for kind in ["F16", "Q4_K"]:
                whole, logits = self.with_logits(*placement, kind=kind)
                for shards in [2, 3]:
                    cut, cut_logits = self.with_logits(*placement, "--shards", shards, kind=kind)
                    self.assertEqual(cut["tokens"], whole["tokens"], (placement, kind, shards))
                    self.assertTrue(numpy.array_equal(cut_logits, logits), (placement, kind, shards))

    def test_a_shard_that_is_killed_changes_no_bit(self):
        for placement in self.exact_placements():
            whole, logits = self.with_logits(*placement)
            for positions, part in [([0], 0), ([5], 1), ([3, 9], 1)]:
                kills = [argument for at in positions for argument in ("--kill-at", at)]
                again, again_logits = self.with_logits(*placement, "--shards", 2, "--allow-fault-injection",
                                                       "--kill-part", part, *kills)
                self.assertEqual(again["tokens"], whole["tokens"], (placement, positions, part))
                self.assertTrue(numpy.array_equal(again_logits, logits), (placement, positions, part))
                # Before the first token there is nothing to lose yet.
                self.assertGreaterEqual(again["recoveries"], len([at for at in positions if at > 0]))

    def test_samples_are_repeatable(self):
        sampled = ("--temperature", 1, "--top-k", 50, "--top-p", 0.95, "--min-p", 0.001, "--repeat-penalty", 1.1)
        first = self.generate(*sampled, "--seed", 7)["tokens"]
        self.assertEqual(self.generate(*sampled, "--seed", 7, "--shards", 2)["tokens"], first)
        self.assertNotEqual(self.generate(*sampled, "--seed", 8)["tokens"], first)
        self.assertNotEqual(self.generate()["tokens"], first)

    def test_a_stop_string_ends_the_text_before_it(self):
        whole = self.generate("--temperature", 1, "--seed", 3, count=40)
        stop = whole["text"][10:13]
        cut = self.generate("--temperature", 1, "--seed", 3, "--stop", stop, count=40)
        self.assertEqual(cut["text"], whole["text"][:whole["text"].index(stop)])
        self.assertEqual(cut["finish_reason"], "stop string")
        self.assertLess(len(cut["tokens"]), len(whole["tokens"]))

    def test_the_context_ends(self):
        answer = self.troupe_json("generate", self.model(), "--prompt", PROMPT, "--max-tokens", 100, "--ignore-eos",
                                  "--context", 32)
        self.assertEqual(answer["finish_reason"], "end of the context")
        self.assertEqual(len(answer["prompt_tokens"]) + len(answer["tokens"]), 33)
        self.fails("generate", self.model(), "--prompt", "the rain " * 40, "--context", 32,
                   naming=["prompt", "context is 32"])

    def test_what_cannot_be_done_is_said(self):
        self.fails("generate", self.path("none.gguf"), "--prompt", "a", naming=["none.gguf"])
        self.fails("generate", self.model(), "--tokens", "5,512", naming=["512", "511"])
        self.fails("generate", self.model(), "--prompt", "a", "--kill-at", 1, naming=["--allow-fault-injection"])
        self.fails("generate", self.model(), "--prompt-file", self.path("none.txt"), naming=["none.txt"])
        self.fails("generate", self.model(), "--prompt", "a", "--stop", "", naming=["stop"])
        self.fails("generate", self.model(), "--prompt", "a", "--temperature", -1, naming=["temperature"])
        self.fails("generate", self.model(), "--prompt", "a", "--parallel", "data", code=3, naming=["pipeline"])
        self.troupe("generate", self.model(), code=2)
        self.troupe("generate", self.model(), "--prompt", "a", "--tokens", "5", code=2)

    def test_models_that_cannot_run_are_refused(self):
        good = self.model().read_bytes()
        other = self.folder / "other.gguf"
        other.write_bytes(good.replace(b"llama", b"rwkv7", 1))
        self.fails("generate", other, "--prompt", "a", code=3, naming=["rwkv7"])
        # The type stands behind the name, the rank and two extents.
        at = good.index(b"blk.1.ffn_up.weight") + len(b"blk.1.ffn_up.weight") + 4 + 16
        iq2_xxs = 16
        other.write_bytes(good[:at] + struct.pack("<I", iq2_xxs) + good[at + 4:])
        self.fails("generate", other, "--prompt", "a", code=3, naming=["blk.1.ffn_up.weight", "IQ2_XXS"])
        other.write_bytes(good[:-1000])
        self.fails("generate", other, "--prompt", "a", naming=["other.gguf"])


class perplexity_test(language_test):
    def surprise(self, tokens, placement):
        """Of the last token, from the logits after those before it."""
        file = self.folder / "logits.npy"
        self.troupe_json("generate", self.model(), "--tokens", ",".join(map(str, tokens[:-1])), "--max-tokens", 1,
                         "--context", 128, "--logits", file, *placement)
        logits = numpy.load(file)[0].astype(numpy.float64)
        return math.log(numpy.exp(logits - logits.max()).sum()) + logits.max() - logits[tokens[-1]]

    def test_it_is_what_the_logits_say(self):
        text = "the rain"
        for placement in self.exact_placements()[-1:]:
            tokens = self.troupe_json("tokenize", self.model(), "--text", text)["tokens"]
            expected = [self.surprise(tokens[:end], placement) for end in range(2, len(tokens) + 1)]
            answer = self.troupe_json("perplexity", self.model(), "--text", text, "--context", 128, *placement)
            self.assertEqual(answer["tokens"], len(expected))
            self.assertAlmostEqual(answer["nats_per_token"], sum(expected) / len(expected), 9)
            self.assertAlmostEqual(answer["perplexity"], math.exp(sum(expected) / len(expected)), 6)

    def test_windows_begin_as_prompts_do(self):
        text = "the rain in spain"
        tokens = self.troupe_json("tokenize", self.model(), "--text", text, "--no-bos")["tokens"]
        answer = self.troupe_json("perplexity", self.model(), "--text", text, "--window", 4)
        self.assertEqual(answer["tokens"], len(tokens))
        self.assertEqual(answer["windows"], math.ceil(len(tokens) / 3))

    def test_shards_change_nothing(self):
        file = self.folder / "text.txt"
        file.write_text("the rain in spain stays mainly in the plain " * 4)
        answers = [self.troupe_json("perplexity", self.model(), "--text-file", file, "--shards", shards)
                   for shards in [1, 2]]
        self.assertEqual(answers[0]["nats_per_token"], answers[1]["nats_per_token"])

    def test_a_text_is_needed(self):
        self.fails("perplexity", self.model(), "--text", "", naming=["text"])
        self.troupe("perplexity", self.model(), code=2)
        self.fails("perplexity", self.path("none.gguf"), "--text", "a", naming=["none.gguf"])


class bench_test(language_test):
    def test_speed_and_memory(self):
        answer = self.troupe_json("bench", self.model(), "--prompt-tokens", 20, "--gen-tokens", 5, "--runs", 1,
                                  "--sessions", 4)
        self.assertEqual([one["sessions"] for one in answer["sessions"]], [1, 4])
        for part in [answer["prompt"], answer["generation"], *answer["sessions"]]:
            self.assertGreater(part["tokens_per_second"], 0)
        # Two caches of 3 layers, 2 heads of 64 elements in fp16; 25 positions and page 0 are 3 pages of 16.
        cache = 2 * 3 * 2 * 64 * 2 * (2 + 1) * 16
        self.assertEqual(answer["memory"]["cache_arithmetic"], cache)
        self.assertEqual(answer["memory"]["device_caches"], cache)
        matrix = 256 * 256 * 2 + 2 * 128 * 256 + 3 * 512 * 256
        self.assertEqual(answer["generation"]["weight_bytes_per_token"], (3 * matrix + 512 * 256) // 32 * 34)
        self.assertGreater(answer["memory"]["host_peak"], answer["memory"]["host_peak_at_load"] - 1)

    def test_where_the_time_goes(self):
        if not any(device["kind"] == "vulkan" for device in self.troupe_json("devices")["devices"]):
            self.skipTest("no Vulkan device")
        answer = self.troupe_json("bench", self.model(), "--prompt-tokens", 32, "--gen-tokens", 3, "--runs", 1,
                                  "--profile")
        self.assertEqual([one["rows"] for one in answer["profiles"]], [1, 32])
        for one in answer["profiles"]:
            self.assertLessEqual({"Linear", "Logits", "CachedAttention"}, {line["name"] for line in one["operators"]})

    def test_only_the_engine_alone_is_measured(self):
        self.fails("bench", self.model(), "--shards", 2, code=3, naming=["--shards"])
        self.fails("bench", self.path("none.gguf"), naming=["none.gguf"])


@unittest.skipUnless(os.environ.get("TROUPE_LLM_FIXTURES"), "TROUPE_LLM_FIXTURES names no folder")
class fixtures_test(cli_test):
    def test_the_reference_says_the_same(self):
        folder = pathlib.Path(os.environ["TROUPE_LLM_FIXTURES"]) / "models"
        models = sorted(folder.glob("*.gguf"))
        self.assertTrue(models)
        for model in models:
            prompt = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))["prompts"][0]
            text = self.folder / "prompt.txt"
            text.write_text(prompt["text"], encoding="utf-8")
            for shards in [1, 3]:
                answer = self.troupe_json("generate", model, "--prompt-file", text, "--ignore-eos", "--shards", shards,
                                          "--context", 256, "--max-tokens", len(prompt["gen_ids"]))
                self.assertEqual(answer["prompt_tokens"], prompt["prompt_ids"], model.name)
                self.assertEqual(answer["tokens"], prompt["gen_ids"], (model.name, shards))


if __name__ == "__main__":
    unittest.main()
