#!/usr/bin/env python3
"""troupe node: serving, stopping, and what users of a node see when there is none."""

import signal
import socket
import time
import unittest

import numpy

from harness import MODELS, cli_test

MODEL = MODELS / "digits.onnx"


class node_test(cli_test):
    def setUp(self):
        super().setUp()
        random = numpy.random.default_rng(11)
        self.image = self.save_array("image.npy", random.random((3, 1, 8, 8)).astype(numpy.float32))

    def run_digits(self, *arguments, folder="out", **named):
        return self.troupe("run", MODEL, "--device", "reference", "--input", self.image, "--output-dir",
                           self.path(folder), *arguments, **named)

    def test_a_node_says_when_it_is_ready_and_stops_on_sigterm(self):
        for stop_signal in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(stop_signal):
                process, ready = self.start_node("--listen", "127.0.0.1:0", "--name", "worker")
                self.assertIs(ready["ready"], True)
                self.assertEqual(ready["pid"], process.pid)
                self.assertEqual(ready["name"], "worker")
                socket.create_connection(("127.0.0.1", ready["port"]), timeout=5).close()
                process.send_signal(stop_signal)
                self.assertEqual(process.wait(timeout=10), 0, process.stderr.read())

    def test_a_port_in_use_is_a_failure_that_names_it(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.fails("node", "--device", "reference", "--listen", address, code=1, naming=[address])

    def test_an_address_that_is_none_is_refused(self):
        for address in ("127.0.0.1", "127.0.0.1:99999", "127.0.0.1:http", ":", ""):
            with self.subTest(address):
                self.fails("node", "--device", "reference", "--listen", address)

    def test_parts_are_placed_on_the_nodes_that_are_named(self):
        # fp32 storage: what crosses a link is then not rounded, and the bits must be the same.
        self.run_digits("--shards", "2", "--storage", "f32", folder="alone")
        nodes = [self.start_node("--name", name)[1] for name in ("left", "right")]
        arguments = [word for ready in nodes for word in ("--node", f"127.0.0.1:{ready['port']}")]
        answer = self.troupe_json("run", MODEL, "--device", "reference", "--input", self.image, "--output-dir",
                                  self.path("out"), "--shards", "2", "--storage", "f32", *arguments)
        self.assertTrue({part["node"] for part in answer["parts"]} & {"left", "right"}, answer)
        numpy.testing.assert_array_equal(self.output("logits"), self.output("logits", "alone"))

    def test_a_node_outlives_its_users(self):
        process, ready = self.start_node("--name", "worker")
        for _ in range(3):
            self.run_digits("--node", f"127.0.0.1:{ready['port']}", "--shards", "2")
        self.assertIsNone(process.poll())

    def test_noise_on_the_port_does_not_end_a_node(self):
        process, ready = self.start_node("--name", "worker")
        for noise in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 4096, b"\0" * 32):
            with socket.create_connection(("127.0.0.1", ready["port"]), timeout=5) as link:
                link.sendall(noise)
        time.sleep(0.2)
        self.assertIsNone(process.poll())
        self.run_digits("--node", f"127.0.0.1:{ready['port']}", "--shards", "2")

    def test_a_node_that_is_not_there_is_a_failure_in_time(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{closed.getsockname()[1]}"
        started = time.monotonic()
        self.fails("run", MODEL, "--device", "reference", "--input", self.image, "--output-dir", self.path("out"),
                   "--node", address, "--deadline", "5", code=1, naming=[address])
        self.assertLess(time.monotonic() - started, 30)


if __name__ == "__main__":
    unittest.main()
