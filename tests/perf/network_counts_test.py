#!/usr/bin/env python3
"""Locks what a run of the usual networks costs besides arithmetic: dispatches, barriers, and nodes on the host. The
networks are small, their graphs those of the full ones. A smaller number is an improvement: enter it here."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

BENCH = sys.argv.pop()
MAKER = pathlib.Path(__file__).with_name("make_networks.py")

# dispatches, barriers, host nodes
COUNTS = {
    "resnet18": (24, 20, 0),
    "resnet50": (57, 52, 0),
    "mobilenet_v2": (55, 54, 0),
    "squeezenet1_1": (31, 22, 0),
    "vgg16": (31, 30, 0),
    "vit_b16": (35, 32, 0),
}


class network_counts_test(unittest.TestCase):
    def test_networks_take_as_few_steps_as_they_did(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, MAKER, folder, "--tiny", "--only", ",".join(COUNTS)], check=True,
                           stdout=subprocess.DEVNULL)
            for name, want in COUNTS.items():
                with self.subTest(name):
                    text = subprocess.run([BENCH, pathlib.Path(folder) / f"{name}.onnx", "1"], check=True,
                                          capture_output=True, text=True).stdout
                    found = re.search(r"(\d+) dispatches, (\d+) barriers, (\d+) host nodes", text)
                    self.assertEqual(tuple(map(int, found.groups())), want, text)


if __name__ == "__main__":
    unittest.main()
