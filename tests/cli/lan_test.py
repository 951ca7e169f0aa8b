#!/usr/bin/env python3
"""Two machines on one network, played by two network namespaces: they pair, find each other, and run a model together."""

import json
import os
import subprocess
import time
import unittest

import numpy

from harness import MODELS, PROGRAM, TIMEOUT_S, cli_test, outcome, stop

MODEL = MODELS / "digits.onnx"
PORT = 7300


def run(*words):
    subprocess.run(words, check=True, capture_output=True, text=True, timeout=30)


class lan_test(cli_test):
    def setUp(self):
        super().setUp()
        names = [f"troupe{os.getpid()}{side}" for side in "ab"]
        self.machines = dict(zip(("left", "right"), names))
        try:
            for name in names:
                run("ip", "netns", "add", name)
                self.addCleanup(subprocess.run, ["ip", "netns", "delete", name], capture_output=True, check=False)
            run("ip", "link", "add", "lan", "netns", names[0], "type", "veth", "peer", "name", "lan", "netns", names[1])
            for number, name in enumerate(names, 1):
                run("ip", "-n", name, "address", "add", f"10.83.0.{number}/24", "dev", "lan")
                run("ip", "-n", name, "link", "set", "lan", "up")
                run("ip", "-n", name, "link", "set", "lo", "up")
        except (OSError, subprocess.SubprocessError) as why:
            self.skipTest(f"network namespaces cannot be made here: {why}")
        random = numpy.random.default_rng(5)
        self.image = self.save_array("image.npy", random.random((3, 1, 8, 8)).astype(numpy.float32))

    def on(self, machine, *arguments):
        return ["ip", "netns", "exec", self.machines[machine], PROGRAM, *map(str, arguments), "--state",
                self.path(machine)]

    def call(self, machine, *arguments):
        done = subprocess.run(self.on(machine, *arguments, "--json"), capture_output=True, text=True,
                              timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 0, outcome(done))
        return json.loads(done.stdout.splitlines()[-1])

    def start(self, machine, *arguments):
        process = subprocess.Popen(self.on(machine, *arguments, "--json"), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(stop, process)
        line = process.stdout.readline()
        self.assertTrue(line, process.stderr.read() if process.poll() is not None else "no first line")
        said = json.loads(line)
        self.assertNotIn("error", said)
        return process, said

    def start_node_on(self, machine):
        return self.start(machine, "node", "--device", "reference", "--listen", f"0.0.0.0:{PORT}", "--name", machine)

    def pair(self):
        process, waiting = self.start("left", "pair", "--name", "left")
        # Not even the address is given: the machine is found.
        self.call("right", "pair", waiting["code"], "--name", "right")
        self.assertEqual(process.wait(timeout=60), 0)

    def test_two_machines_pair_find_each_other_and_run_a_model(self):
        self.pair()
        for machine in ("left", "right"):
            self.start_node_on(machine)
        started = time.monotonic()
        found = {node["name"]: node for node in self.call("left", "nodes")["nodes"]}
        print(f"troupe nodes: {time.monotonic() - started:.1f} s")
        self.assertEqual(sorted(found), ["left", "right"])
        self.assertEqual((found["left"]["relation"], found["right"]["relation"]), ("own", "paired"))
        self.assertTrue(all(node["reachable"] for node in found.values()), found)
        self.assertEqual(found["right"]["addresses"], [f"10.83.0.2:{PORT}"])

        # fp32 storage: what crosses a link is then not rounded, and the bits must be the same.
        arguments = ["run", MODEL, "--device", "reference", "--input", self.image, "--shards", "2", "--storage", "f32"]
        self.troupe(*arguments, "--output-dir", self.path("alone"))
        answer = self.call("left", *arguments, "--output-dir", self.path("out"), "--node", "auto")
        self.assertEqual({part["node"] for part in answer["parts"]}, {"left", "right"})
        numpy.testing.assert_array_equal(self.output("logits"), self.output("logits", "alone"))

    def test_an_unpaired_machine_is_seen_and_not_talked_to(self):
        self.pair()
        self.start_node_on("left")
        stranger = self.path("stranger")
        done = subprocess.run(["ip", "netns", "exec", self.machines["right"], PROGRAM, "nodes", "--json", "--state",
                               stranger], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        [node] = json.loads(done.stdout)["nodes"]
        self.assertEqual((node["relation"], node["reachable"], node["name"]), ("stranger", False, ""))
        self.assertIn("troupe pair", node["problem"])


if __name__ == "__main__":
    unittest.main()
