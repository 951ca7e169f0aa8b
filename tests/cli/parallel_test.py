#!/usr/bin/env python3
"""Every way to spread a model over two, three and four processes gives what one process gives: the same bits for
pipelines, replicas and ensembles, nearly the same for slices whose partial results are summed.

With TROUPE_ONNX_SUITE, a folder with a model.onnx and test_data_set_*/input_*.pb somewhere below it, all models there
are run as well, and a table says what came of them."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

import numpy
import onnx
from onnx import helper, numpy_helper

from harness import FLOAT, MODELS, PROGRAM, TIMEOUT_S, cli_test, outcome

# Of the largest magnitude: what slices that sum may differ from the whole.
SLICES_BOUND = 2e-2
# Of members of an ensemble: they sum to one and are exact, as are all products with them that float16 can be rounded to.
WEIGHTS = {2: "1,1", 3: "1,2,1", 4: "1,1,1,1"}


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
        # What an earlier run has left there would be taken for this one's.
        shutil.rmtree(self.folder / folder, ignore_errors=True)
        words = [word for file in inputs for word in ("--input", file)]
        answer = self.troupe_json("run", model, *words, "--output-dir", self.path(folder), "--number-outputs",
                                  *self.device, *arguments)
        files = sorted((self.folder / folder).glob("output_*.npy"))
        return [numpy.load(file) for file in files], answer["parts"]

    def refusal(self, model, inputs, *arguments):
        """Why the model cannot be run so; empty when it can."""
        words = [word for file in inputs for word in ("--input", file)]
        done = outcome(subprocess.run([PROGRAM, "run", model, *words, "--output-dir", self.path("refused"), "--json",
                                       *self.device, *map(str, arguments)], capture_output=True, text=True,
                                      timeout=TIMEOUT_S, check=False))
        if done.code == 0:
            return ""
        self.assertEqual(done.code, 2, done)
        return json.loads(done.out)["error"]["message"]

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

    def pipeline(self, model, inputs, want, count):
        got, parts = self.outputs(model, inputs, "pipeline", "--shards", count, *self.addresses(count))
        self.same_bits(want, got, f"pipeline over {count}")
        self.assertEqual({part["node"] for part in parts}, {f"node{k}" for k in range(count)})

    def data(self, model, inputs, want, count):
        got, parts = self.outputs(model, inputs, "data", "--parallel", "data", "--shards", count,
                                  *self.addresses(count))
        self.same_bits(want, got, f"data over {count}")
        self.assertEqual({part["node"] for part in parts}, {f"node{k}" for k in range(count)})

    def ensemble(self, model, inputs, want, count):
        twins = [word for _ in range(count - 1) for word in ("--with", model)]
        # Members must agree to the bit; then joined with weights that are exact in binary.
        for join in (("--join", "compare", "--tolerance", "0"), ("--join", "weighted", "--weights", WEIGHTS[count])):
            got, _ = self.outputs(model, inputs, "ensemble", "--parallel", "ensemble", *join, *twins,
                                  *self.addresses(count))
            self.same_bits(want, got, f"ensemble over {count}, {join[1]}")

    def tensor(self, model, inputs, want, count):
        """The largest difference; nothing when there is nothing to divide."""
        got, parts = self.outputs(model, inputs, "tensor", "--parallel", "tensor", "--shards", count,
                                  *self.addresses(count))
        self.assertIn(len(parts), (1, count))
        worst = self.nearly_same(want, got, f"tensor over {count}")
        return worst if len(parts) == count else None

    def check(self, model, inputs, counts=(2, 3, 4)):
        want, _ = self.outputs(model, inputs, "alone")
        for count in counts:
            self.pipeline(model, inputs, want, count)
            self.data(model, inputs, want, count)
            self.ensemble(model, inputs, want, count)
            self.assertIsNotNone(self.tensor(model, inputs, want, count))

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

    def test_compressed_activations_give_the_same_bits_wherever_the_parts_are(self):
        model = MODELS / "digits.onnx"
        random = numpy.random.default_rng(3)
        image = [self.save_array("x.npy", random.random((9, 1, 8, 8)).astype(numpy.float32))]
        if "f32" in self.device:
            self.skipTest("only float16 is compressed, which is exact on a Vulkan device alone")
        exact, _ = self.outputs(model, image, "exact")
        for count in (2, 3):
            words = ("--shards", count, "--compress-activations")
            here, _ = self.outputs(model, image, "here", *words)
            there, parts = self.outputs(model, image, "there", *words, *self.addresses(count))
            self.assertEqual({part["node"] for part in parts}, {f"node{k}" for k in range(count)})
            self.same_bits(here, there, f"compressed over {count}")
            # A code is off by 1/254 of its row's largest value; 1.5e-2 was the most that came of it in the models measured.
            self.assertGreater(self.nearly_same(exact, here, f"compressed, {count} stages"), 0)
        for words in (("--parallel", "data"), ("--parallel", "tensor"), ("--storage", "f32")):
            self.fails("run", model, "--input", image[0], "--output-dir", self.path("out"), "--shards", "2",
                       "--compress-activations", *words, naming=["float16", "pipeline"])

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
        model = self.save_model("exp.onnx", [helper.make_node("Exp", ["x"], ["y"])], [("x", FLOAT, [2, 3])],
                                [("y", FLOAT, [2, 3])])
        image = self.save_array("x.npy", numpy.zeros((2, 3), numpy.float32))
        result, parts = self.outputs(model, [image], "out", "--parallel", "tensor", "--shards", "2")
        self.assertEqual(len(parts), 1)
        self.assertEqual(float(result[0].sum()), 6)

    def batch_of(self, model, arrays, rows):
        """The model with any number of rows for the one it was exported with, and so many rows; nothing when that is
        not what its first axis is."""
        network = onnx.load(str(model))
        constants = {each.name for each in network.graph.initializer}
        inputs = [each for each in network.graph.input if each.name not in constants]
        if any(array.shape[:1] != (1,) for array in arrays):
            return None
        for value in [*inputs, *network.graph.output]:
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
        del network.graph.value_info[:]
        onnx.save(network, self.path("batch.onnx"))
        files = []
        for place, array in enumerate(arrays):
            many = [array * numpy.float32(1 + 0.1 * k) if array.dtype.kind == "f" else numpy.roll(array, k, -1)
                    for k in range(rows)]
            files.append(self.save_array(f"batch{place}.npy", numpy.concatenate(many).astype(array.dtype)))
        return None if self.refusal(self.path("batch.onnx"), files) else (self.path("batch.onnx"), files)

    @unittest.skipUnless(os.environ.get("TROUPE_ONNX_SUITE"), "TROUPE_ONNX_SUITE names no folder with models")
    def test_the_suite(self):
        models, refused = 0, []
        for model in sorted(pathlib.Path(os.environ["TROUPE_ONNX_SUITE"]).rglob("model.onnx")):
            with self.subTest(model.parent.name):
                print(self.spread(model, model.parent.name, refused), flush=True)
                models += 1
        for line in refused:
            print("refused:", line)
        print(f"{models} models, {len(refused)} ways to spread them refused", flush=True)

    def spread(self, model, name, refused):
        """Every mode over two, three and four nodes, as a row of a table; what is refused with a reason goes to the
        list."""
        counts = (2, 3, 4)
        inputs = sorted((model.parent / "test_data_set_0").glob("input_*.pb"))
        arrays = [numpy_helper.to_array(onnx.TensorProto.FromString(file.read_bytes())) for file in inputs]
        want, _ = self.outputs(model, inputs, "alone")

        stages = []
        for count in counts:
            if reason := self.refusal(model, inputs, "--shards", count):
                self.assertIn("ask for fewer", reason)
                refused.append(f"{name}, pipeline of {count}: {reason.split(': ', 1)[1]}")
            else:
                self.pipeline(model, inputs, want, count)
                stages.append(str(count))

        batch = self.batch_of(model, arrays, 7)
        data = "7 rows" if batch else "1 row"
        if not batch and (reason := self.refusal(model, inputs, "--parallel", "data", "--shards", 2)):
            refused.append(f"{name}, data: {reason}")
            data = "refused"
        else:
            rows, files = batch or (model, inputs)
            many, _ = self.outputs(rows, files, "alone")
            for count in counts:
                self.data(rows, files, many, count)

        for count in counts:
            self.ensemble(model, inputs, want, count)
        slices = [self.tensor(model, inputs, want, count) for count in counts]
        differences = " ".join("undivided" if each is None else f"{each:.1e}" for each in slices)
        return f"| {name} | {', '.join(stages)} | {data} | {', '.join(map(str, counts))} | {differences} |"


if __name__ == "__main__":
    unittest.main()
