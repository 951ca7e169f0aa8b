#!/usr/bin/env python3
"""Recurrent networks and an encoder cut into stages: every number of shards gives the same bits."""

import pathlib
import tempfile
import unittest

import numpy
from onnx import helper

from harness import FLOAT, cli_test, model_of

STEPS, BATCH, WIDTH, HIDDEN = 7, 3, 12, 20


class random_weights:
    """Initializers by name, of a seeded generator."""
    def __init__(self, seed):
        self.random = numpy.random.default_rng(seed)
        self.made = []

    def __call__(self, name, *extents):
        scale = 1 / numpy.sqrt(extents[-1])
        self.made.append((name, (self.random.standard_normal(extents) * scale).astype(numpy.float32)))
        return name


def recurrent_model(op, gates, direction):
    """Two layers and a classifier of each step."""
    weights = random_weights(gates)
    directions = 2 if direction == "bidirectional" else 1
    nodes, last, width = [], "x", WIDTH
    for layer in ("a", "b"):
        nodes += [
            helper.make_node(op, [last, weights("w" + layer, directions, gates * HIDDEN, width),
                                  weights("r" + layer, directions, gates * HIDDEN, HIDDEN),
                                  weights("b" + layer, directions, 2 * gates * HIDDEN)], ["y" + layer],
                             hidden_size=HIDDEN, direction=direction),
            helper.make_node("Transpose", ["y" + layer], ["t" + layer], perm=[0, 2, 1, 3]),
            helper.make_node("Reshape", ["t" + layer, "flat"], ["h" + layer]),
        ]
        last, width = "h" + layer, directions * HIDDEN
    nodes += [helper.make_node("MatMul", [last, weights("out", width, 5)], ["scores"]),
              helper.make_node("Softmax", ["scores"], ["p"], axis=-1)]
    flat = ("flat", numpy.array([STEPS, BATCH, directions * HIDDEN], numpy.int64))
    return model_of(nodes, [("x", FLOAT, [STEPS, BATCH, WIDTH])], [("p", FLOAT, [STEPS, BATCH, 5])],
                    weights.made + [flat], opset=14)


def encoder_model():
    """Two blocks of attention and a feed-forward part, as exporters of BERT write them."""
    weights = random_weights(9)
    heads, size = 2, WIDTH // 2
    constants = [("split", numpy.array([BATCH, STEPS, heads, size], numpy.int64)),
                 ("join", numpy.array([BATCH, STEPS, WIDTH], numpy.int64)),
                 ("root", numpy.array(numpy.sqrt(size), numpy.float32)), ("two", numpy.array(2, numpy.float32)),
                 ("tiny", numpy.array(1e-5, numpy.float32))]
    nodes, last = [], "x"

    def step(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def norm(source, name):
        centred = step("Sub", [source, step("ReduceMean", [source], name + "m", axes=[-1])], name + "c")
        square = step("ReduceMean", [step("Pow", [centred, "two"], name + "s")], name + "v", axes=[-1])
        return step("Div", [centred, step("Sqrt", [step("Add", [square, "tiny"], name + "e")], name + "q")], name)

    for block in ("a", "b"):
        parts = {}
        for part in "qkv":
            product = step("MatMul", [last, weights(part + block, WIDTH, WIDTH)], f"{part}p{block}")
            shaped = step("Reshape", [product, "split"], f"{part}s{block}")
            order = [0, 2, 3, 1] if part == "k" else [0, 2, 1, 3]
            parts[part] = step("Transpose", [shaped], f"{part}t{block}", perm=order)
        scores = step("Div", [step("MatMul", [parts["q"], parts["k"]], "qk" + block), "root"], "scaled" + block)
        seen = step("MatMul", [step("Softmax", [scores], "soft" + block, axis=-1), parts["v"]], "seen" + block)
        joined = step("Reshape", [step("Transpose", [seen], "back" + block, perm=[0, 2, 1, 3]), "join"], "join" + block)
        last = norm(step("Add", [last, joined], "res" + block), "n1" + block)
        wide = step("Relu", [step("MatMul", [last, weights("up" + block, WIDTH, 30)], "u" + block)], "ur" + block)
        last = norm(step("Add", [last, step("MatMul", [wide, weights("dn" + block, 30, WIDTH)], "d" + block)],
                         "re" + block), "n2" + block)
    return model_of(nodes, [("x", FLOAT, [BATCH, STEPS, WIDTH])], [(last, FLOAT, [BATCH, STEPS, WIDTH])],
                    weights.made + constants, opset=14)


class shards_test(cli_test):
    def check(self, model, extents):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "model.onnx").write_bytes(model.SerializeToString())
            numpy.save(folder / "x.npy", numpy.random.default_rng(4).standard_normal(extents).astype(numpy.float32))

            def run(name, *more):
                self.troupe("run", folder / "model.onnx", "--input", folder / "x.npy", "--output-dir", folder / name,
                            *more)
                return numpy.load(next((folder / name).glob("*.npy")))
            whole = run("1")
            self.assertLess(numpy.abs(whole - run("reference", "--device", "reference")).max(), 2e-2)
            self.assertGreater(whole.std(), 1e-3)
            for shards in ("2", "3"):
                self.assertEqual(whole.tobytes(), run(shards, "--shards", shards).tobytes(), f"{shards} shards")

    def test_recurrent_networks(self):
        for op, gates, direction in (("RNN", 1, "forward"), ("GRU", 3, "bidirectional"), ("LSTM", 4, "bidirectional"),
                                     ("LSTM", 4, "reverse")):
            with self.subTest(op=op, direction=direction):
                self.check(recurrent_model(op, gates, direction), [STEPS, BATCH, WIDTH])

    def test_an_encoder(self):
        self.check(encoder_model(), [BATCH, STEPS, WIDTH])


if __name__ == "__main__":
    unittest.main()
