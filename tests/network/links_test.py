#!/usr/bin/env python3
"""Machines that talk over a network: what passes between them, who is let in, and what a bad line does to them."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import unittest

import numpy
import onnx
from onnx import helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from harness import FLOAT, MODELS, PROGRAM, cli_test, stop  # noqa: E402
from two_machines import two_machines, why_not  # noqa: E402

MODEL = MODELS / "digits.onnx"
TWO_MODELS = os.environ["TROUPE_TWO_MODELS"]
REASON = why_not()
PATIENCE_S = 120


@unittest.skipIf(REASON, REASON)
class links_test(cli_test):
    def setUp(self):
        super().setUp()
        self.values = numpy.random.default_rng(11).random((64, 1, 8, 8)).astype(numpy.float32)
        self.image = self.save_array("image.npy", self.values)

    def lan(self, **line):
        made = two_machines(**line)
        made.__enter__()
        self.addCleanup(made.__exit__)
        return made

    def node(self, on, listen, *arguments):
        process = subprocess.Popen(
            on.command(PROGRAM, "node", "--json", "--device", "reference", "--state", on.state, "--listen", listen,
                       *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(stop, process)
        line = process.stdout.readline()
        self.assertTrue(line, process.stderr.read() if not line else "")
        return process, json.loads(line)

    def run_on(self, on, *arguments, folder="out", model=MODEL, code=0):
        """What a run on the machine answers; `code`: how it has to end, None: either way."""
        done = subprocess.run(
            on.command(PROGRAM, "run", model, "--json", "--device", "reference", "--storage", "f32", "--state", on.state,
                       "--input", self.image, "--output-dir", self.path(folder), *arguments),
            capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, done)
        return json.loads(done.stdout)

    def pair(self, lan):
        lan.a.trust((lan.b, "worker"))
        lan.b.trust((lan.a, "coordinator"))

    def test_a_run_over_two_machines_shows_nothing_on_the_wire(self):
        lan = self.lan()
        self.pair(lan)
        _, near = self.node(lan.a, f"{lan.a.address}:0", "--name", "near-node")
        _, far = self.node(lan.b, "0.0.0.0:0", "--name", "far-node")
        answer = self.run_on(lan.a, "--shards", "2", "--node", f"{lan.b.address}:{far['port']}", "--node",
                             f"{lan.a.address}:{near['port']}")
        self.assertEqual([part["node"] for part in answer["parts"]], ["far-node", "near-node"], answer)
        wire = lan.captured()

        # The same over the loopback interface, where links are plain, and without any link.
        _, ready = self.start_node("--listen", "127.0.0.1:0", "--name", "far-node")
        recorder = recording_proxy(ready["port"])
        self.addCleanup(recorder.close)
        plain = ["run", MODEL, "--device", "reference", "--storage", "f32", "--input", self.image, "--shards", "2"]
        self.troupe(*plain, "--output-dir", self.path("plain"), "--node", f"127.0.0.1:{recorder.port}")
        self.troupe(*plain, "--output-dir", self.path("alone"))
        numpy.testing.assert_array_equal(self.output("logits"), self.output("logits", "alone"))
        numpy.testing.assert_array_equal(self.output("logits"), self.output("logits", "plain"))

        weights = [each.raw_data[:32] for each in onnx.load(str(MODEL)).graph.initializer if len(each.raw_data) >= 256]
        rows = [self.values[at, 0, 3].tobytes() for at in (0, 31, 63)]
        names = [b"far-node", b"TRPE"]
        shown = bytes(recorder.seen)
        for secret in rows + names:
            self.assertIn(secret, shown)
        self.assertTrue(any(weight in shown for weight in weights))
        self.assertGreater(len(wire), len(shown) // 2)
        for secret in rows + names + weights:
            self.assertEqual(wire.find(secret), -1, secret)

    def test_who_is_not_paired_is_told_how_to_pair(self):
        lan = self.lan()
        done = subprocess.run(lan.b.command(PROGRAM, "node", "--device", "reference", "--state", lan.b.state, "--listen",
                                            f"{lan.b.address}:0"), capture_output=True, text=True, timeout=PATIENCE_S,
                              check=False)
        self.assertEqual(done.returncode, 2, done)
        self.assertRegex(done.stderr, r"\Atroupe: node: [^\n]*run `troupe pair` on both machines[^\n]*\n\Z")
        self.pair(lan)
        process, far = self.node(lan.b, f"{lan.b.address}:7300")
        where = f"{lan.b.address}:7300"
        # b forgets a: the run of a is refused, and says why; the node lives on.
        lan.b.trust((lan.b, "observer"))
        refused = self.run_on(lan.a, "--shards", "2", "--node", where, code=2)
        self.assertIn("`troupe pair`", refused["error"]["message"])
        self.pair(lan)
        lan.a.trust()
        refused = self.run_on(lan.a, "--shards", "2", "--node", where, code=2)
        self.assertIn("`troupe pair`", refused["error"]["message"])
        self.pair(lan)
        self.run_on(lan.a, "--shards", "2", "--node", where)
        # An observer may look, but not run: the parts stay at home, or nothing is run at all.
        lan.b.trust((lan.a, "observer"))
        outcome = self.run_on(lan.a, "--shards", "2", "--node", where, "--deadline", "20", code=None)
        self.assertNotIn(far["name"], json.dumps(outcome.get("parts", [])), outcome)
        self.assertIsNone(process.poll())

    def test_a_slow_jittery_lossy_line_loses_no_link_and_no_request(self):
        """Weights and requests share one link. TROUPE_HEAVY_MIB: how much weights; a run by hand takes more."""
        heavy_mib = int(os.environ.get("TROUPE_HEAVY_MIB", "2"))
        patience_s = PATIENCE_S + 20 * heavy_mib
        lan = self.lan(delay_s=0.005, jitter_s=0.05, loss=0.01, bytes_per_s=10e6)
        self.pair(lan)
        process, far = self.node(lan.b, f"{lan.b.address}:0", "--name", "far-node", "--cache", "none")
        weight = numpy.random.default_rng(5).random((64, heavy_mib * 4096)).astype(numpy.float32)
        heavy = self.save_model(
            "heavy.onnx", [helper.make_node("Reshape", ["image", "flat"], ["rows"]),
                           helper.make_node("MatMul", ["rows", "weight"], ["wide"]),
                           helper.make_node("ReduceMax", ["wide"], ["logits"], axes=[1])],
            [("image", FLOAT, ["batch", 1, 8, 8])], [("logits", FLOAT, ["batch", 1])],
            [("flat", numpy.array([-1, 64])), ("weight", weight)])
        done = subprocess.run(
            lan.a.command(TWO_MODELS, f"{lan.b.address}:{far['port']}", lan.a.state, MODEL, heavy, patience_s),
            capture_output=True, text=True, timeout=2 * patience_s, check=False)
        self.assertEqual(done.returncode, 0, done)
        answer = json.loads(done.stdout)
        print(answer)
        self.assertGreaterEqual(answer["answers"], 3, answer)
        # A link that is lost costs the requests under way a recovery each, and there is always one.
        self.assertEqual((answer["different"], answer["recoveries"]), (0, 0), answer)
        self.assertEqual(answer["node"], "far-node")
        self.assertGreaterEqual(answer["bytes_moved"], weight.nbytes)
        self.assertIsNone(process.poll())

    def test_a_crowd_of_strangers_does_not_keep_a_paired_machine_out(self):
        lan = self.lan()
        self.pair(lan)
        process, far = self.node(lan.b, f"{lan.b.address}:7300")
        crowd = subprocess.Popen(lan.a.command(sys.executable, "-c", CROWD, lan.b.address, "7300"),
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(stop, crowd)
        self.assertEqual(crowd.stdout.readline(), "ready\n")
        before = resident_kib(process.pid)
        for _ in range(3):
            answer = self.run_on(lan.a, "--shards", "2", "--node", f"{lan.b.address}:7300")
            self.assertIn(far["name"], json.dumps(answer["parts"]))
        self.assertIsNone(process.poll())
        self.assertLess(resident_kib(process.pid) - before, 64 << 10)


# A thousand connections that do not greet, each once more when it is closed: silent, in plaintext, garbage, a beginning
# of TLS, and the two headers of 32 bytes that end a process with CAF's own network layer.
CROWD = """
import os, random, socket, sys, time
where = sys.argv[1], int(sys.argv[2])
words = [b"", b"TRPE" + bytes(28), os.urandom(300), b"\\x16\\x03\\x01\\x40\\x00\\x01\\x01\\xff\\x00" + bytes(500),
         bytes(32), b"\\x01" + bytes(31)]
crowd = []
def join(i):
    one = socket.socket()
    one.settimeout(5)
    try:
        one.connect(where)
        one.sendall(words[i % len(words)])
    except OSError:
        pass
    return one
crowd = [join(i) for i in range(1000)]
print("ready", flush=True)
while True:
    i = random.randrange(1000)
    crowd[i].close()
    crowd[i] = join(i)
    time.sleep(0.002)
"""


def resident_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))


class recording_proxy:
    """Passes connections on to a local port, and keeps what passes."""

    def __init__(self, target):
        self.target, self.seen, self.open = target, bytearray(), []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                front, _ = self.listening.accept()
                back = socket.create_connection(("127.0.0.1", self.target))
                self.open += [front, back]
                for source, sink in ((front, back), (back, front)):
                    threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()
        except OSError:
            return

    def pump(self, source, sink):
        try:
            while piece := source.recv(65536):
                self.seen += piece
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self):
        for each in [self.listening, *self.open]:
            each.close()


if __name__ == "__main__":
    unittest.main()
