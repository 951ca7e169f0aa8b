#!/usr/bin/env python3
"""Every way to spread a model over two, three and four processes gives what one process gives: the same bits for
pipelines, replicas and ensembles, nearly the same for slices whose partial results are summed.

With TROUPE_ONNX_SUITE, a folder with a model.onnx and test_data_set_*/input_*.pb somewhere below it, all models there
are run as well."""

import os
import pathlib
import unittest

import numpy
from onnx import helper

from harness import FLOAT, MODELS, cli_test

# Of the largest magnitude: what slices that sum may differ from the whole.
SLICES_BOUND = 2e-2


def weights(random, *extents):
    return (random.standard_normal(extents) / numpy.sqrt(extents[-1])).astype(numpy.float32)


def residual_blocks(random):
    """Convolutions, depthwise ones among them, around residuals; then a classifier."""
    nodes, constants, last = [], [], "x"

    def conv(source, name, outputs, inputs, kernel, **attributes):
        constants.append((name + "w", weights(random, outputs, inputs, kernel, kernel) / kernel))
        constants.append((name + "b", weights(random, outputs)))
        nodes.append(helper.make_node("Conv", [source, name + "w", name + "b"], [name], pads=[kernel // 2] * 4,
                                      **attributes))
        nodes.append(helper.make_node("Relu", [name], [name + "r"]))
        return name + "r"

    last = conv(last, "stem", 24, 3, 3)
    for block in "ab":
        wide = conv(last, block + "1", 48, 24, 1)
        deep = conv(wide, block + "2", 48, 1, 3, group=48)
        nodes.append(helper.make_node("Add", [last, conv(deep, block + "3", 24, 48, 1)], [block]))
        last = block
    nodes += [helper.make_node("GlobalAveragePool", [last], ["g"]), helper.make_node("Flatten", ["g"], ["f"]),
              helper.make_node("Sigmoid", ["f"], ["y"])]
    return nodes, constants, ("x", FLOAT, ["batch", 3, 12, 12]), ("y", FLOAT, ["batch", 24])


def perceptron(random):
    nodes, constants, last, width = [], [], "x", 20
    for layer, outputs in enumerate((64, 48, 32, 10)):
        constants += [(f"w{layer}", weights(random, width, outputs)), (f"b{layer}", weights(random, outputs))]
        nodes.append(helper.make_node("Gemm", [last, f"w{layer}", f"b{layer}"], [f"g{layer}"]))
        if layer % 2 == 0:
            nodes.append(helper.make_node("Tanh", [f"g{layer}"], [f"t{layer}"]))
        last, width = nodes[-1].output[0], outputs
    return nodes, constants, ("x", FLOAT, ["batch", 20]), (last, FLOAT, ["batch", 10])


class parallel_test(cli_test):
    def setUp(self):
        super().setUp()
        self.nodes = []
        # Vulkan, if this machine has it: every process then computes with the same device.
        self.device = self.exact_placements()[-1]

    def addresses(self, count):
        while len(self.nodes) < count:
            self.nodes.append(self.start_node("--name", f"node{len(self.nodes)}", device=self.device[1])[1])
        return [word for node in self.nodes[:count] for word in ("--node", f"127.0.0.1:{node['port']}")]

    def outputs(self, model, inputs, folder, *arguments):
        words = [word for file in inputs for word in ("--input", file)]
        answer = self.troupe_json("run", model, *words, "--output-dir", self.path(folder), "--number-outputs",
                                  *self.device, *arguments)
        files = sorted((self.folder / folder).glob("output_*.npy"))
        return [numpy.load(file) for file in files], answer["parts"]

    def same_bits(self, want, got, what):
        self.assertEqual(len(want), len(got), what)
        for one, other in zip(want, got):
            self.assertEqual((one.dtype, one.shape), (other.dtype, other.shape), what)
            self.assertEqual(one.tobytes(), other.tobytes(), what)

    def nearly_same(self, want, got, what):
        worst = 0.0
        for one, other in zip(want, got):
            self.assertEqual((one.dtype, one.shape), (other.dtype, other.shape), what)
            scale = max(float(numpy.abs(one.astype(numpy.float64)).max(initial=0)), 1e-6)
            worst = max(worst, float(numpy.abs(one.astype(numpy.float64) - other).max(initial=0)) / scale)
        self.assertLessEqual(worst, SLICES_BOUND, what)
        return worst

    def check(self, model, inputs, counts=(2, 3, 4), batch=True):
        """Returns the largest difference of slices."""
        want, _ = self.outputs(model, inputs, "alone")
        worst = 0.0
        for count in counts:
            nodes = self.addresses(count)
            pipeline, parts = self.outputs(model, inputs, f"pipeline{count}", "--shards", count, *nodes)
            self.same_bits(want, pipeline, f"pipeline over {count}")
            self.assertEqual({part["node"] for part in parts}, {f"node{k}" for k in range(count)})
            if batch:
                data, _ = self.outputs(model, inputs, f"data{count}", "--parallel", "data", "--shards", count, *nodes)
                self.same_bits(want, data, f"data over {count}")
            twins = [word for _ in range(count - 1) for word in ("--with", model)]
            ensemble, _ = self.outputs(model, inputs, f"ensemble{count}", "--parallel", "ensemble", "--join", "compare",
                                       "--tolerance", "0", *twins, *nodes)
            self.same_bits(want, ensemble, f"ensemble over {count}")
            sliced, parts = self.outputs(model, inputs, f"tensor{count}", "--parallel", "tensor", "--shards", count,
                                         *nodes)
            self.assertIn(len(parts), (1, count))  # one where nothing can be divided
            worst = max(worst, self.nearly_same(want, sliced, f"tensor over {count}"))
        return worst

    def test_digits(self):
        random = numpy.random.default_rng(3)
        self.check(MODELS / "digits.onnx", [self.save_array("x.npy", random.random((9, 1, 8, 8)).astype(numpy.float32))])

    def test_residual_blocks_and_perceptrons(self):
        for make, extents in ((residual_blocks, (5, 3, 12, 12)), (perceptron, (7, 20))):
            random = numpy.random.default_rng(7)
            nodes, constants, source, result = make(random)
            model = self.save_model(make.__name__ + ".onnx", nodes, [source], [result], constants, opset=17)
            image = self.save_array("x.npy", random.standard_normal(extents).astype(numpy.float32))
            with self.subTest(make.__name__):
                self.check(model, [image])

    def test_slices_survive_the_loss_of_one(self):
        random = numpy.random.default_rng(3)
        image = self.save_array("x.npy", random.random((4, 1, 8, 8)).astype(numpy.float32))
        words = ("--parallel", "tensor", "--shards", "3", "--allow-fault-injection")
        want, _ = self.outputs(MODELS / "digits.onnx", [image], "once", *words)
        got, _ = self.outputs(MODELS / "digits.onnx", [image], "killed", *words, "--kill-part", "1", "--repeat", "5")
        self.same_bits(want, got, "a killed slice")

    def test_models_that_disagree_are_named(self):
        random = numpy.random.default_rng(3)
        models = []
        for scale in (1, 1.001, 1.5):
            nodes, constants, source, result = perceptron(numpy.random.default_rng(7))
            constants[-1] = (constants[-1][0], (constants[-1][1] * scale + (scale - 1)).astype(numpy.float32))
            models.append(self.save_model(f"m{scale}.onnx", nodes, [source], [result], constants, opset=17))
        image = self.save_array("x.npy", random.standard_normal((2, 20)).astype(numpy.float32))
        compare = ("--parallel", "ensemble", "--join", "compare")
        self.outputs(models[0], [image], "out", *compare, "--with", models[1], "--tolerance", "0.05")
        self.fails("run", models[0], "--input", image, "--output-dir", self.path("out"), *self.device, *compare,
                   "--with", models[1], "--with", models[2], "--tolerance", "0.05", naming=["model 3", "0.05"])

    def test_a_model_that_cannot_be_divided_is_one_slice(self):
        model = self.save_model("relu.onnx", [helper.make_node("Relu", ["x"], ["y"])], [("x", FLOAT, [2, 3])],
                                [("y", FLOAT, [2, 3])])
        image = self.save_array("x.npy", numpy.ones((2, 3), numpy.float32))
        result, parts = self.outputs(model, [image], "out", "--parallel", "tensor", "--shards", "2")
        self.assertEqual(len(parts), 1)
        self.assertEqual(float(result[0].sum()), 6)

    @unittest.skipUnless(os.environ.get("TROUPE_ONNX_SUITE"), "TROUPE_ONNX_SUITE names no folder with models")
    def test_the_suite(self):
        for model in sorted(pathlib.Path(os.environ["TROUPE_ONNX_SUITE"]).rglob("model.onnx")):
            inputs = sorted((model.parent / "test_data_set_0").glob("input_*.pb"))
            with self.subTest(model.parent.name):
                # A batch of one, or sequences whose first axis is time: nothing that replicas could share.
                worst = self.check(model, inputs, batch="_uni" not in model.parent.name)
                print(f"{model.parent.name}: slices differ by {worst:.1e} at most", flush=True)


if __name__ == "__main__":
    unittest.main()
