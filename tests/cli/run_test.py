#!/usr/bin/env python3
"""troupe run: inputs from files, outputs to files, and every way to get it wrong."""

import unittest

import numpy
from onnx import helper, numpy_helper

from harness import DOUBLE, FLOAT, INT64, MODELS, cli_test


class run_test(cli_test):
    def add_model(self, name="add.onnx", kind=FLOAT):
        return self.save_model(name, [helper.make_node("Add", ["a", "b"], ["sum"])],
                               [("a", kind, ["n", 3]), ("b", kind, ["n", 3])], [("sum", kind, ["n", 3])])

    def setUp(self):
        super().setUp()
        self.a = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
        self.b = numpy.full((2, 3), 0.5, dtype=numpy.float32)
        self.a_file, self.b_file = self.save_array("a.npy", self.a), self.save_array("b.npy", self.b)

    def run_model(self, model, *arguments, **named):
        return self.troupe("run", model, "--device", "reference", "--output-dir", self.path("out"), *arguments, **named)

    def test_outputs_are_written_with_their_type_and_shape(self):
        self.run_model(self.add_model(), "--input", f"a={self.a_file}", "--input", f"b={self.b_file}")
        written = self.output("sum")
        self.assertEqual(written.dtype, numpy.float32)
        numpy.testing.assert_array_equal(written, self.a + self.b)

    def test_inputs_may_be_given_by_position(self):
        named_b = f"b={self.b_file}"
        for first, second in [(self.a_file, self.b_file), (self.a_file, named_b), (named_b, self.a_file)]:
            with self.subTest((first, second)):
                self.run_model(self.add_model(), "--input", first, "--input", second)
                numpy.testing.assert_array_equal(self.output("sum"), self.a + self.b)

    def test_tensor_protos_are_read(self):
        with open(self.path("a.pb"), "wb") as file:
            file.write(numpy_helper.from_array(self.a, "a").SerializeToString())
        self.run_model(self.add_model(), "--input", self.path("a.pb"), "--input", self.b_file)
        numpy.testing.assert_array_equal(self.output("sum"), self.a + self.b)

    def test_outputs_may_be_numbered(self):
        self.run_model(self.add_model(), "--number-outputs", "--input", self.a_file, "--input", self.b_file)
        numpy.testing.assert_array_equal(self.output("output_0"), self.a + self.b)

    def test_json_describes_the_outputs(self):
        answer = self.troupe_json("run", self.add_model(), "--device", "reference", "--output-dir", self.path("out"),
                                  "--input", self.a_file, "--input", self.b_file)
        self.assertEqual(answer["outputs"], [{"name": "sum", "type": "float32", "shape": [2, 3],
                                              "file": self.path("out/sum.npy")}])
        self.assertEqual(answer["recoveries"], 0)
        self.assertGreater(answer["timings"]["run_s"], 0)

    def test_floating_point_files_are_converted_to_the_declared_floating_point_type(self):
        doubles = self.save_array("doubles.npy", self.a.astype(numpy.float64))
        halves = self.save_array("halves.npy", self.b.astype(numpy.float16))
        self.run_model(self.add_model(), "--input", doubles, "--input", halves)
        numpy.testing.assert_array_equal(self.output("sum"), self.a + self.b)

    def test_integer_models_are_exact(self):
        big = numpy.array([[2**53 + 1, -1, 0]], dtype=numpy.int64)
        one = numpy.ones((1, 3), dtype=numpy.int64)
        self.run_model(self.add_model(kind=INT64), "--input", self.save_array("big.npy", big),
                       "--input", self.save_array("one.npy", one))
        numpy.testing.assert_array_equal(self.output("sum"), big + one)

    def test_other_types_are_refused_with_both_types_named(self):
        integers = self.save_array("integers.npy", self.a.astype(numpy.int64))
        done = self.fails("run", self.add_model(), "--output-dir", self.path("out"), "--input", integers,
                          "--input", self.b_file, naming=['"a"', "float32", "int64", "integers.npy"])
        self.assertTrue(done.err.startswith("troupe: run: "), done)

    def test_an_unknown_input_is_refused_with_the_list_of_inputs(self):
        self.fails("run", self.add_model(), "--output-dir", self.path("out"), "--input", f"c={self.a_file}",
                   naming=['"c"', '"a"', '"b"', "float32", "[n,3]"])

    def test_a_missing_input_is_named(self):
        self.fails("run", self.add_model(), "--output-dir", self.path("out"), "--input", self.a_file, naming=['"b"'])

    def test_too_many_inputs_are_refused(self):
        self.fails("run", self.add_model(), "--output-dir", self.path("out"), "--input", self.a_file,
                   "--input", self.b_file, "--input", self.b_file, naming=["3 inputs", "has 2"])

    def test_an_input_given_twice_is_refused(self):
        self.fails("run", self.add_model(), "--output-dir", self.path("out"), "--input", f"a={self.a_file}",
                   "--input", f"a={self.b_file}", naming=['"a"', "twice"])

    def test_a_wrong_shape_is_refused_with_both_shapes(self):
        wide = self.save_array("wide.npy", numpy.zeros((2, 4), dtype=numpy.float32))
        self.fails("run", self.add_model(), "--output-dir", self.path("out"), "--input", wide, "--input", self.b_file,
                   naming=["a", "4", "3"])

    def test_extents_with_one_name_must_agree(self):
        one_row = self.save_array("one_row.npy", self.b[:1])
        self.fails("run", self.add_model(), "--output-dir", self.path("out"), "--input", self.a_file,
                   "--input", one_row, naming=["n"])

    def test_missing_files_are_named(self):
        self.fails("run", self.path("none.onnx"), "--output-dir", self.path("out"), naming=["none.onnx"])
        self.fails("run", self.add_model(), "--output-dir", self.path("out"), "--input", f"a={self.path('none.npy')}",
                   "--input", self.b_file, naming=["none.npy", '"a"'])

    def test_a_truncated_model_is_refused(self):
        whole = (MODELS / "digits.onnx").read_bytes()
        for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
            with self.subTest(size):
                with open(self.path("cut.onnx"), "wb") as file:
                    file.write(whole[:size])
                self.fails("run", self.path("cut.onnx"), "--output-dir", self.path("out"), "--input", self.a_file,
                           naming=["cut.onnx"])

    def test_a_truncated_array_is_refused(self):
        with open(self.a_file, "rb") as file:
            whole = file.read()
        with open(self.path("cut.npy"), "wb") as file:
            file.write(whole[:-1])
        self.fails("run", self.add_model(), "--output-dir", self.path("out"), "--input", self.path("cut.npy"),
                   "--input", self.b_file, naming=["cut.npy"])

    def test_an_unsupported_operator_ends_with_3_and_is_named(self):
        model = self.save_model("odd.onnx", [helper.make_node("Unheard", ["a"], ["b"], domain="elsewhere")],
                                [("a", FLOAT, [1])], [("b", FLOAT, [1])], domains=["elsewhere"])
        done = self.fails("run", model, "--output-dir", self.path("out"), "--input", self.a_file, code=3,
                          naming=["Unheard"])
        self.assertNotIn("\n", done.err.rstrip("\n"))
        answer = self.troupe_json("run", model, "--output-dir", self.path("out"), "--input", self.a_file, code=3)
        self.assertEqual(answer["error"]["code"], "unsupported")

    def test_an_unknown_device_is_refused_with_the_list_of_devices(self):
        self.fails("run", self.add_model(), "--output-dir", self.path("out"), "--input", self.a_file, "--input",
                   self.b_file, "--device", "no such device", naming=["no such device", "reference"])

    def test_output_names_become_file_names_that_differ(self):
        nodes = [helper.make_node(operator, ["a"], [name])
                 for operator, name in [("Relu", "x/y"), ("Neg", "x:y"), ("Abs", "../up")]]
        model = self.save_model("names.onnx", nodes,
                                [("a", FLOAT, [2])], [("x/y", FLOAT, [2]), ("x:y", FLOAT, [2]), ("../up", FLOAT, [2])])
        given = numpy.array([-1, 2], dtype=numpy.float32)
        self.run_model(model, "--input", self.save_array("in.npy", given))
        numpy.testing.assert_array_equal(self.output("x_y"), [0, 2])
        numpy.testing.assert_array_equal(self.output("x_y_2"), [1, -2])
        numpy.testing.assert_array_equal(self.output(".._up"), [1, 2])

    def test_every_declared_output_type_is_kept(self):
        model = self.save_model("types.onnx", [helper.make_node("Cast", ["a"], ["wide"], to=DOUBLE),
                                               helper.make_node("Cast", ["a"], ["whole"], to=INT64)],
                                [("a", FLOAT, [2])], [("wide", DOUBLE, [2]), ("whole", INT64, [2])])
        self.run_model(model, "--input", self.save_array("in.npy", numpy.array([-1.5, 2], dtype=numpy.float32)))
        self.assertEqual(self.output("wide").dtype, numpy.float64)
        numpy.testing.assert_array_equal(self.output("whole"), numpy.array([-1, 2], dtype=numpy.int64))
        self.assertEqual(self.output("whole").dtype, numpy.int64)

    def chain(self):
        """Four layers with seeded weights: enough to cut."""
        random = numpy.random.default_rng(7)
        weights = [(f"w{i}", random.standard_normal((8, 8)).astype(numpy.float32)) for i in range(4)]
        nodes, last = [], "x"
        for name, _ in weights:
            nodes += [helper.make_node("MatMul", [last, name], [f"{name}_m"]),
                      helper.make_node("Tanh", [f"{name}_m"], [f"{name}_y"])]
            last = f"{name}_y"
        model = self.save_model("chain.onnx", nodes, [("x", FLOAT, ["n", 8])], [(last, FLOAT, ["n", 8])], weights)
        value = random.standard_normal((5, 8)).astype(numpy.float32)
        expected = value
        for _, weight in weights:
            expected = numpy.tanh(expected @ weight)
        return model, self.save_array("x.npy", value), last, expected

    def test_shards_do_not_change_a_bit_of_the_answer(self):
        model, x, name, expected = self.chain()
        for placement in self.exact_placements():
            answers = []
            for arguments in [(), ("--shards", "2"), ("--shards", "4"), ("--shards", "3", "--parallel", "data")]:
                with self.subTest((placement, arguments)):
                    self.troupe("run", model, "--input", x, "--output-dir", self.path("out"), *placement, *arguments)
                    answers.append(self.output(name))
                    numpy.testing.assert_allclose(answers[-1], expected, atol=2e-2)
                    numpy.testing.assert_array_equal(answers[-1], answers[0])

    def test_a_shard_killed_during_the_run_does_not_change_the_answer(self):
        model, x, name, _ = self.chain()
        for placement in self.exact_placements():
            with self.subTest(placement):
                arguments = ("run", model, "--input", x, "--output-dir", self.path("out"), "--shards", "2", *placement)
                self.troupe(*arguments)
                undisturbed = self.output(name)
                self.troupe(*arguments, "--allow-fault-injection", "--kill-part", "1", "--repeat", "3")
                numpy.testing.assert_array_equal(self.output(name), undisturbed)

    def test_killing_a_shard_needs_permission(self):
        model, x, _, _ = self.chain()
        self.fails("run", model, "--input", x, "--output-dir", self.path("out"), "--kill-part", "0",
                   naming=["--allow-fault-injection"])

    def test_more_shards_than_operators_are_refused(self):
        self.fails("run", self.add_model(), "--input", self.a_file, "--input", self.b_file, "--output-dir",
                   self.path("out"), "--device", "reference", "--shards", "7", naming=["7"])

    def test_an_ensemble_gives_the_mean(self):
        values = [("a", FLOAT, [2])], [("y", FLOAT, [2])]
        double = self.save_model("double.onnx", [helper.make_node("Add", ["a", "a"], ["y"])], *values)
        negate = self.save_model("negate.onnx", [helper.make_node("Neg", ["a"], ["y"])], *values)
        self.run_model(double, "--with", negate, "--parallel", "ensemble",
                       "--input", self.save_array("in.npy", numpy.array([2, 8], dtype=numpy.float32)))
        numpy.testing.assert_array_equal(self.output("y"), [1, 4])
        self.fails("run", double, "--parallel", "ensemble", "--output-dir", self.path("out"),
                   "--input", self.path("in.npy"), naming=["--with"])

    def test_an_output_folder_that_cannot_be_made_is_named(self):
        self.fails("run", self.add_model(), "--device", "reference", "--input", self.a_file, "--input", self.b_file,
                   "--output-dir", self.a_file + "/out", code=1, naming=["a.npy/out"])


if __name__ == "__main__":
    unittest.main()
