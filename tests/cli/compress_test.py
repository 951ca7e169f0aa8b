#!/usr/bin/env python3
"""troupe compress: what is written is ONNX that any runtime reads, and means nearly the same."""

import pathlib
import tempfile
import unittest

import numpy
import onnx
from onnx import helper, numpy_helper

from harness import FLOAT, MODELS, cli_test, model_of


def restored(path):
    """Every value that the restoring nodes of a compressed model make, by a reader of its own."""
    graph = onnx.load(path).graph
    values = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]].astype(numpy.float32)
        elif node.op_type == "Mul" and all(name in values for name in node.input):
            values[node.output[0]] = values[node.input[0]] * values[node.input[1]]
    return values


class compress_test(cli_test):
    def setUp(self):
        super().setUp()
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.target = pathlib.Path(self.scratch.name) / "small.onnx"

    def save(self, model, name="model.onnx", **how):
        path = pathlib.Path(self.scratch.name) / name
        onnx.save(model, str(path), **how)
        return path

    def compress(self, model, *more):
        answer = self.troupe_json("compress", model, "--output", self.target, "--device", "reference", *more)
        onnx.checker.check_model(str(self.target))
        return answer

    def test_the_sample_model_gets_smaller_and_keeps_its_answers(self):
        for form, least_ratio, bound in [("f16", 1.9, 5e-3), ("int8", 3.4, 5e-2)]:
            with self.subTest(form):
                answer = self.compress(MODELS / "digits.onnx", "--to", form)
                self.assertGreater(answer["ratio"], least_ratio)
                self.assertEqual(answer["bytes_after"], self.target.stat().st_size)
                self.assertLess(answer["output_error_max"], bound)
                self.assertEqual(answer["rows"], answer["rows_agree"])

    def matrices(self, weights, ir=8, **more):
        """x (MatMul) a, then a Gemm with b as it lies for transB."""
        a, b = weights
        nodes = [helper.make_node("MatMul", ["x", "a"], ["h"]), helper.make_node("Gemm", ["h", "b"], ["y"], transB=1)]
        model = model_of(nodes, [("x", FLOAT, [2, a.shape[0]])], [("y", FLOAT, [2, b.shape[0]])],
                         [("a", a), ("b", b)], **more)
        model.ir_version = ir
        if ir < 4:
            for name, array in (("a", a), ("b", b)):
                model.graph.input.append(helper.make_tensor_value_info(name, FLOAT, array.shape))
        return model

    def test_every_output_channel_has_a_scale_of_its_own(self):
        random = numpy.random.default_rng(1)
        # Channels of very different size: one scale for all would lose the small ones.
        a = (random.standard_normal((48, 40)) * 10.0 ** numpy.linspace(-3, 2, 40)).astype(numpy.float32)
        b = (random.standard_normal((32, 40)) * 10.0 ** numpy.linspace(-3, 2, 32)[:, None]).astype(numpy.float32)
        for ir in (3, 8):
            with self.subTest(ir=ir):
                self.compress(self.save(self.matrices((a, b), ir)), "--to", "int8")
                values = restored(self.target)
                for name, array, axis in (("a", a, 0), ("b", b, 1)):
                    half_step = numpy.abs(array).max(axis=axis, keepdims=True) / 127 * 0.501
                    self.assertTrue((numpy.abs(values[name] - array) <= half_step).all())

    def test_half_precision_is_rounded_to_nearest_and_never_clamped(self):
        random = numpy.random.default_rng(2)
        a = random.standard_normal((48, 40)).astype(numpy.float32)
        b = random.standard_normal((32, 40)).astype(numpy.float32)
        b[3, 5] = 1e5
        answer = self.compress(self.save(self.matrices((a, b))))
        self.assertEqual((answer["tensors"], answer["kept"]), (1, 1))
        values = restored(self.target)
        numpy.testing.assert_array_equal(values["a"], a.astype(numpy.float16).astype(numpy.float32))
        numpy.testing.assert_array_equal(values["b"], b)

    def test_small_weights_and_names_in_use_are_left_alone(self):
        a = numpy.ones((48, 40), numpy.float32)
        b = numpy.ones((2, 40), numpy.float32)
        model = self.matrices((a, b))
        model.graph.node[0].output[0] = "a_f16"
        model.graph.node[1].input[0] = "a_f16"
        answer = self.compress(self.save(model))
        self.assertEqual((answer["tensors"], answer["kept"]), (1, 1))
        self.assertEqual(answer["output_error_max"], 0)

    def test_external_data_is_taken_into_the_file(self):
        random = numpy.random.default_rng(3)
        pair = tuple(random.standard_normal(shape).astype(numpy.float32) for shape in ((48, 40), (32, 40)))
        model = self.save(self.matrices(pair), save_as_external_data=True, location="weights.bin", size_threshold=0)
        answer = self.compress(model)
        self.assertGreater(answer["ratio"], 1.8)
        numpy.testing.assert_array_equal(restored(self.target)["a"], pair[0].astype(numpy.float16))

    def test_what_cannot_be_compressed_is_one_sentence(self):
        pair = (numpy.ones((48, 40), numpy.float32), numpy.ones((32, 40), numpy.float32))
        self.fails("compress", self.scratch.name + "/none.onnx", "--output", self.target, naming=["none.onnx"])
        self.fails("compress", self.save(self.matrices(pair, opset=6)), "--checks", "0", "--output", self.target, code=3,
                   naming=["opset 6"])
        self.assertFalse(self.target.exists())
        self.fails("compress", self.save(self.matrices(pair)), "--checks", "0", "--output",
                   self.target / "folder" / "x.onnx", naming=["x.onnx"])


if __name__ == "__main__":
    unittest.main()
