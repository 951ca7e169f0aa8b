#!/usr/bin/env python3
"""troupe plan: who would do what, and why; bench beside its prediction."""

import unittest

from harness import MODELS, cli_test

MODEL = MODELS / "digits.onnx"
STORIES = MODELS / "stories" / "stories-q8_0.gguf"


class plan_test(cli_test):
    def with_state(self, *arguments):
        return (*arguments, "--device", "reference", "--state", self.path("state"))

    def test_a_model_on_this_machine_is_one_part(self):
        for model, unit in ((MODEL, "images_per_s"), (STORIES, "tokens_per_s")):
            with self.subTest(model):
                answer = self.troupe_json(*self.with_state("plan", model))
                self.assertEqual(len(answer["parts"]), 1)
                part = answer["parts"][0]
                self.assertGreater(part["compute_ms"], 0)
                self.assertGreater(part["memory_bytes"], part["weight_bytes"])
                self.assertGreater(answer[unit], 0)
                self.assertEqual(answer["left_out"], [])
        self.assertIn("a step takes", self.troupe(*self.with_state("plan", MODEL)).out)

    def test_what_was_measured_is_kept(self):
        first = self.troupe_json(*self.with_state("plan", MODEL))
        self.assertTrue((self.folder / "state" / "abilities.json").exists())
        self.assertEqual(self.troupe_json(*self.with_state("plan", MODEL))["nodes"], first["nodes"])

    def test_a_slow_node_is_left_out_unless_all_are_to_be_used(self):
        slow = self.start_node("--name", "slow", "--allow-fault-injection", "--slow", "10", "--state",
                               self.path("slow"))[1]
        address = f"127.0.0.1:{slow['port']}"
        answer = self.troupe_json(*self.with_state("plan", MODEL, "--node", address, "--in-flight", "1"))
        self.assertEqual([part["node"] for part in answer["parts"]], ["local"])
        self.assertEqual(answer["left_out"][0]["node"], address)
        self.assertIn("slowed 10x", answer["nodes"][0]["device"])
        everything = self.troupe_json(*self.with_state("plan", MODEL, "--node", address, "--in-flight", "1",
                                                       "--use-all"))
        self.assertEqual(sorted(part["node"] for part in everything["parts"]), [address, "local"])
        self.assertGreaterEqual(everything["interval_ms"], answer["interval_ms"])

    def test_bench_says_what_was_predicted(self):
        answer = self.troupe_json(*self.with_state("bench", MODEL, "--runs", "2"))
        self.assertGreater(answer["predicted"]["latency_ms"], 0)
        self.assertGreater(answer["predicted"]["latency_ratio"], 0)

    def test_a_slowdown_needs_leave(self):
        self.fails("node", "--device", "reference", "--slow", "2", naming=["fault injection"])


if __name__ == "__main__":
    unittest.main()
