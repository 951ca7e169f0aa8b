"""What the tests of the command line share: running the program, making small models, nodes."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

PROGRAM = os.environ["TROUPE_PROGRAM"]
MODELS = pathlib.Path(os.environ["TROUPE_MODELS"])
TIMEOUT_S = 120


class outcome:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def __repr__(self):
        return f"exit code {self.code}\nstdout: {self.out}\nstderr: {self.err}"


def model_of(nodes, inputs, outputs, initializers=(), opset=13, metadata=None, domains=()):
    """A model from nodes and (name, type, shape) triples."""
    def info(value):
        return helper.make_tensor_value_info(*value)
    constants = [numpy_helper.from_array(array, name) for name, array in initializers]
    graph = helper.make_graph(nodes, "tested", [info(i) for i in inputs], [info(o) for o in outputs], constants)
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, 1) for domain in domains]
    made = helper.make_model(graph, opset_imports=opsets)
    made.ir_version = 8
    for key, value in (metadata or {}).items():
        made.metadata_props.add(key=key, value=value)
    return made


class cli_test(unittest.TestCase):
    """A test with a folder of its own and the program at hand."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe_cli_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return str(self.folder / name)

    def save_model(self, name, *args, **named):
        onnx.save(model_of(*args, **named), self.path(name))
        return self.path(name)

    def save_array(self, name, array):
        numpy.save(self.path(name), array)
        return self.path(name)

    def output(self, name, folder="out"):
        return numpy.load(self.folder / folder / f"{name}.npy")

    def troupe(self, *arguments, code=0, **named):
        """Runs the program, checks its exit code and that failures are reported as the contract says."""
        done = outcome(subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                                      timeout=TIMEOUT_S, check=False, **named))
        self.assertEqual(done.code, code, done)
        if code != 0:
            self.assertRegex(done.err, r"\Atroupe: [^\n]+: [^\n]+\n\Z", done)
        return done

    def troupe_json(self, *arguments, code=0):
        """The same with --json: stdout is one JSON object and nothing else."""
        done = self.troupe(*arguments, "--json", code=code)
        self.assertEqual(done.out.count("\n"), 1, done)
        answer = json.loads(done.out)
        if code != 0:
            self.assertEqual(list(answer), ["error"], done)
            self.assertEqual(sorted(answer["error"]), ["code", "message"], done)
        return answer

    def fails(self, *arguments, code=2, naming=()):
        """A failure whose message holds every text of `naming`."""
        done = self.troupe(*arguments, code=code)
        for text in naming:
            self.assertIn(text, done.err)
        return done

    def exact_placements(self):
        """Where a row's bits depend on the row alone: Vulkan in the default storage, if this machine has it, and the
        reference device when cuts keep what it computes with, fp32."""
        devices = self.troupe_json("devices")["devices"]
        vulkan = [("--device", str(device["index"])) for device in devices if device["kind"] == "vulkan"]
        return [("--device", "reference", "--storage", "f32"), *vulkan[:1]]

    def start_node(self, *arguments, device="reference"):
        """A `troupe node` that is ready, stopped at the end of the test at the latest; it keeps nothing unless told to."""
        if "--cache" not in arguments:
            arguments = ("--cache", "none", *arguments)
        process = subprocess.Popen([PROGRAM, "node", "--json", "--device", device, *arguments],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(stop, process)
        line = process.stdout.readline()
        self.assertTrue(line, process.stderr.read() if process.poll() is not None else "no ready line")
        return process, json.loads(line)


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)


FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64
