#!/usr/bin/env python3
"""What every command promises: help, versions, exit codes, one JSON object; and the commands that only look."""

import json
import pathlib
import subprocess
import tempfile
import unittest

from onnx import helper

from harness import FLOAT, MODELS, PROGRAM, cli_test

COMMANDS = ["devices", "inspect", "run", "classify", "bench", "compress", "tokenize", "generate", "serve", "plan", "node",
            "nodes", "pair", "chaos"]


class usage_test(cli_test):
    def test_every_command_has_help_that_ends_with_an_example(self):
        for command in COMMANDS:
            with self.subTest(command):
                text = self.troupe(command, "--help").out
                self.assertIn(f"Example: troupe {command}", text.strip().splitlines()[-1])

    def test_the_program_lists_its_commands_and_nothing_that_does_not_exist(self):
        text = self.troupe("--help").out
        for command in COMMANDS:
            self.assertIn(f"  {command}", text)
        for planned in ["top"]:
            self.assertNotIn(planned, text)

    def test_the_version_is_printed(self):
        self.assertRegex(self.troupe("--version").out, r"\Atroupe \d+\.\d+\.\d+\n\Z")

    def test_bad_usage_ends_with_2(self):
        for arguments in [("frobnicate",), ("devices", "--frobnicate"), ("run",), ("inspect",), ("classify", "m.onnx"),
                          ("run", "m.onnx", "--output-dir", "o", "--shards", "0"),
                          ("run", "m.onnx", "--output-dir", "o", "--shards", "many"),
                          ("run", "m.onnx", "--output-dir", "o", "--parallel", "sideways"),
                          ("run", "m.onnx", "--output-dir", "o", "--storage", "f8"),
                          ("run", "m.onnx", "--output-dir", "o", "--deadline", "-1")]:
            with self.subTest(arguments):
                self.troupe(*arguments, code=2)
                self.assertEqual(self.troupe_json(*arguments, code=2)["error"]["code"], "invalid_argument")

    def test_no_command_at_all_shows_the_help_and_ends_with_2(self):
        done = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "")
        self.assertIn("devices", done.stderr)

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "inspect", str(MODELS / "digits.onnx")], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be written", done.stderr)

    def test_nothing_is_coloured_or_animated_off_a_terminal(self):
        done = self.troupe("classify", MODELS / "digits.onnx", MODELS / "held_out", "--device", "reference")
        self.assertNotIn("\x1b", done.out + done.err)
        self.assertEqual(done.err, "")


class devices_test(cli_test):
    def test_the_reference_device_is_always_there_and_comes_last(self):
        devices = self.troupe_json("devices")["devices"]
        self.assertEqual(devices[-1]["kind"], "reference")
        self.assertEqual([device["index"] for device in devices], list(range(len(devices))))
        for device in devices:
            self.assertIn("subgroup_size", device["traits"])

    def test_the_table_has_one_line_for_each(self):
        lines = self.troupe("devices").out.splitlines()
        self.assertEqual(len(lines), 1 + len(self.troupe_json("devices")["devices"]))


class inspect_test(cli_test):
    def test_inputs_outputs_operators_and_sizes(self):
        answer = self.troupe_json("inspect", MODELS / "digits.onnx")
        self.assertEqual(answer["inputs"], [{"name": "image", "type": "float32", "shape": ["batch", 1, 8, 8]}])
        self.assertEqual(answer["outputs"], [{"name": "logits", "type": "float32", "shape": ["batch", 10]}])
        counts = {operator["name"]: operator["count"] for operator in answer["operators"]}
        self.assertEqual(counts["Conv"], 4)
        self.assertEqual(answer["parameters"], 61402)
        self.assertEqual(answer["bytes"], 4 * 61402)
        self.assertEqual(answer["metadata"]["input_layout"], "NCHW")
        self.assertTrue(answer["supported"])
        self.assertEqual(answer["unsupported"], [])

    def test_text_shows_the_same(self):
        text = self.troupe("inspect", MODELS / "digits.onnx").out
        for shown in ["image", "[batch,1,8,8]", "logits", "Conv", "61402"]:
            self.assertIn(shown, text)

    def test_unsupported_operators_are_information_here(self):
        model = self.save_model("odd.onnx", [helper.make_node("Unheard", ["a"], ["b"], domain="elsewhere"),
                                             helper.make_node("Relu", ["b"], ["c"])],
                                [("a", FLOAT, [1])], [("c", FLOAT, [1])], domains=["elsewhere"])
        answer = self.troupe_json("inspect", model)
        self.assertFalse(answer["supported"])
        self.assertEqual(len(answer["unsupported"]), 1)
        self.assertIn("Unheard", answer["unsupported"][0])
        self.assertIn("not supported: elsewhere.Unheard", self.troupe("inspect", model).out)

    def test_what_is_no_model_is_refused(self):
        with open(self.path("noise.onnx"), "wb") as file:
            file.write(bytes(range(256)) * 16)
        self.fails("inspect", self.path("noise.onnx"), naming=["noise.onnx"])
        self.fails("inspect", self.path("none.onnx"), naming=["none.onnx"])
        self.fails("inspect", self.folder, naming=[str(self.folder)])


class bench_test(cli_test):
    def test_both_ways_are_measured(self):
        answer = self.troupe_json("bench", MODELS / "digits.onnx", "--device", "reference", "--batch", "2", "--shards",
                                  "2", "--runs", "3")
        self.assertEqual((answer["batch"], answer["shards"], answer["runs"]), (2, 2, 3))
        for way in ("direct", "supervised"):
            self.assertGreater(answer[way]["latency_ms"], 0)
            self.assertGreater(answer[way]["images_per_s"], 0)

    def test_a_profile_has_every_operator_and_a_trace_that_is_json(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder) / "trace.json"
            answer = self.troupe_json("bench", MODELS / "digits.onnx", "--profile", "--trace", trace, "--runs", "2")
            counts = {line["name"]: line["count"] for line in answer["profile"]["operators"]}
            self.assertEqual(counts["Conv"], 4)
            self.assertEqual(sum(counts.values()), len(answer["profile"]["nodes"]))
            self.assertGreater(answer["profile"]["limits"]["read_bytes_per_s"], 0)
            events = json.loads(trace.read_text())["traceEvents"]
            steps = [event for event in events if event["ph"] == "X"]
            self.assertEqual(len(steps), answer["dispatches"] + answer["host_nodes"])
            self.assertTrue(all(event["dur"] > 0 for event in steps))

    def test_a_profile_is_a_table_for_people(self):
        text = self.troupe("bench", MODELS / "digits.onnx", "--profile", "--device", "reference", "--runs", "1").out
        self.assertIn("slowest nodes", text)
        self.assertIn("GB/s read", text)

    def test_a_trace_that_cannot_be_written_is_an_error(self):
        self.fails("bench", MODELS / "digits.onnx", "--device", "reference", "--runs", "1", "--trace",
                   MODELS / "digits.onnx" / "t.json", code=1, naming=["t.json"])

    def test_open_extents_must_be_given(self):
        model = self.save_model("open.onnx", [helper.make_node("Relu", ["a"], ["b"])], [("a", FLOAT, ["n", "m"])],
                                [("b", FLOAT, ["n", "m"])])
        self.fails("bench", model, "--device", "reference", naming=['"a"', "--shape"])
        self.troupe("bench", model, "--device", "reference", "--shape", "a=2,3", "--runs", "1")
        self.fails("bench", model, "--device", "reference", "--shape", "b=2,3", naming=["b=2,3"])


if __name__ == "__main__":
    unittest.main()
