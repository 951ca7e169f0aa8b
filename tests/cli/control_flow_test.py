#!/usr/bin/env python3
"""If, Loop and Scan as exporters of recurrent models emit them: the same answers as the graph written out by hand, the
same bits from every number of shards, and one sentence for a file that means harm."""

import resource
import unittest

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from harness import FLOAT, INT64, cli_test, model_of

BOOL = TensorProto.BOOL
STEPS, BATCH, WIDTH, HIDDEN = 6, 3, 10, 16


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, [outputs] if isinstance(outputs, str) else outputs, **attributes)


def body(name, nodes, inputs, outputs, initializers=()):
    def info(value):
        return helper.make_tensor_value_info(*value)
    return helper.make_graph(nodes, name, [info(i) for i in inputs], [info(o) for o in outputs],
                             [numpy_helper.from_array(array, name) for name, array in initializers])


def recurrent_weights(gates, seed=5):
    random = numpy.random.default_rng(seed)

    def weight(name, *extents):
        return name, (random.standard_normal(extents) / numpy.sqrt(extents[0])).astype(numpy.float32)
    return [weight("w", WIDTH, gates * HIDDEN), weight("r", HIDDEN, gates * HIDDEN), weight("b", gates * HIDDEN),
            weight("in", WIDTH, WIDTH), weight("out", HIDDEN, 5), ("h0", numpy.zeros((BATCH, HIDDEN), numpy.float32)),
            ("c0", numpy.zeros((BATCH, HIDDEN), numpy.float32)), ("zero", numpy.array(0, numpy.int64)),
            ("one", numpy.array([1], numpy.int64)), ("unit", numpy.array(1, numpy.float32)),
            ("yes", numpy.array(True))]


def lstm_cell(x, h, c, tag):
    """A step of an LSTM as torch.onnx writes it down; gives the names of the new h and c."""
    def n(name):
        return name + tag
    return [
        node("MatMul", [x, "w"], n("xw")), node("MatMul", [h, "r"], n("hr")), node("Add", [n("xw"), n("hr")], n("s")),
        node("Add", [n("s"), "b"], n("g")),
        node("Split", [n("g")], [n("gi"), n("gf"), n("gc"), n("go")], axis=1),
        node("Sigmoid", [n("gi")], n("i")), node("Sigmoid", [n("gf")], n("f")), node("Tanh", [n("gc")], n("cc")),
        node("Sigmoid", [n("go")], n("o")), node("Mul", [n("f"), c], n("fc")), node("Mul", [n("i"), n("cc")], n("ic")),
        node("Add", [n("fc"), n("ic")], n("c")), node("Tanh", [n("c")], n("ct")), node("Mul", [n("o"), n("ct")], n("h")),
    ], n("h"), n("c")


def gru_cell(x, h, tag):
    def n(name):
        return name + tag
    return [
        node("MatMul", [x, "w"], n("xw")), node("MatMul", [h, "r"], n("hr")), node("Add", [n("xw"), "b"], n("xb")),
        node("Split", [n("xb")], [n("xz"), n("xr"), n("xn")], axis=1),
        node("Split", [n("hr")], [n("hz"), n("hrr"), n("hn")], axis=1),
        node("Add", [n("xz"), n("hz")], n("za")), node("Sigmoid", [n("za")], n("z")),
        node("Add", [n("xr"), n("hrr")], n("ra")), node("Sigmoid", [n("ra")], n("r")),
        node("Mul", [n("r"), n("hn")], n("rn")), node("Add", [n("xn"), n("rn")], n("na")), node("Tanh", [n("na")], n("n")),
        node("Sub", ["unit", n("z")], n("iz")), node("Mul", [n("iz"), n("n")], n("a")), node("Mul", [n("z"), h], n("bb")),
        node("Add", [n("a"), n("bb")], n("h")),
    ], n("h")


def framed(middle, gates, extents):
    """x, a product, what makes "all" of "p", a product, scores."""
    nodes = [node("MatMul", ["x", "in"], "p"), *middle, node("MatMul", ["all", "out"], "q"),
             node("Softmax", ["q"], "scores", axis=-1)]
    return model_of(nodes, [("x", FLOAT, extents)], [("scores", FLOAT, None)], recurrent_weights(gates))


def lstm_loop(extents):
    """The number of steps is a shape's, the weights and the sequence are captured."""
    cell, h, c = lstm_cell("x_t", "h_in", "c_in", "_")
    inside = body("step", [node("Gather", ["p", "t"], "x_t", axis=0), *cell, node("Identity", ["go_in"], "go_out"),
                           node("Identity", [h], "collected")],
                  [("t", INT64, []), ("go_in", BOOL, []), ("h_in", FLOAT, None), ("c_in", FLOAT, None)],
                  [("go_out", BOOL, []), (h, FLOAT, None), (c, FLOAT, None), ("collected", FLOAT, None)])
    return framed([node("Shape", ["p"], "shape"), node("Gather", ["shape", "zero"], "steps", axis=0),
                   node("Loop", ["steps", "yes", "h0", "c0"], ["hn", "cn", "all"], body=inside)], 4, extents)


def lstm_unrolled(extents):
    nodes, h, c, parts = [], "h0", "c0", []
    for t in range(STEPS):
        nodes += [node("Constant", [], f"t{t}", value=numpy_helper.from_array(numpy.array(t, numpy.int64))),
                  node("Gather", ["p", f"t{t}"], f"x{t}", axis=0)]
        cell, h, c = lstm_cell(f"x{t}", h, c, f"_{t}")
        nodes += cell + [node("Constant", [], f"a{t}", value=numpy_helper.from_array(numpy.array([0], numpy.int64))),
                         node("Unsqueeze", [h, f"a{t}"], f"u{t}")]
        parts.append(f"u{t}")
    return framed(nodes + [node("Concat", parts, "all", axis=0)], 4, extents)


def gru_scan(extents, backwards):
    cell, h = gru_cell("x_t", "h_in", "_")
    inside = body("step", [*cell, node("Mul", [h, "gain"], "scaled")],
                  [("h_in", FLOAT, [BATCH, HIDDEN]), ("x_t", FLOAT, [BATCH, WIDTH])],
                  [(h, FLOAT, [BATCH, HIDDEN]), ("scaled", FLOAT, [BATCH, HIDDEN])],
                  [("gain", numpy.array(0.75, numpy.float32))])
    return framed([node("Scan", ["h0", "p"], ["hn", "all"], body=inside, num_scan_inputs=1,
                        scan_input_directions=[backwards], scan_output_directions=[backwards])], 3, extents)


def gru_by_hand(x, backwards):
    w = dict(recurrent_weights(3))
    h, made, p = w["h0"], [], x @ w["in"]
    for x_t in p[::-1] if backwards else p:
        xz, xr, xn = numpy.split(x_t @ w["w"] + w["b"], 3, 1)
        hz, hr, hn = numpy.split(h @ w["r"], 3, 1)
        z, r = 1 / (1 + numpy.exp(-xz - hz)), 1 / (1 + numpy.exp(-xr - hr))
        h = (1 - z) * numpy.tanh(xn + r * hn) + z * h
        made.append(0.75 * h)
    q = numpy.stack(made[::-1] if backwards else made) @ w["out"]
    e = numpy.exp(q - q.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class control_flow_test(cli_test):
    def setUp(self):
        super().setUp()
        self.runs = 0

    def answer(self, model, *more, **inputs):
        """The only output of `model`, for named inputs."""
        self.runs += 1
        path, folder = self.path(f"{self.runs}.onnx"), f"out{self.runs}"
        onnx.save(model, path)
        given = []
        for name, value in inputs.items():
            given += ["--input", f"{name}={self.save_array(f'{self.runs}_{name}.npy', value)}"]
        self.troupe("run", path, *given, "--output-dir", self.path(folder), *more)
        return numpy.load(next((self.folder / folder).glob("*.npy")))

    def refused(self, model, naming, code=2, **inputs):
        """Refused by one sentence, in time."""
        onnx.save(model, self.path("bad.onnx"))
        given = [part for name, value in inputs.items() for part in ("--input", f"{name}={self.save_array(name, value)}.npy")]
        started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = self.fails("run", self.path("bad.onnx"), *given, "--output-dir", self.path("none"), naming=naming, code=code)
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - started, 30)
        self.assertLess(len(done.err), 1500)

    def sequence(self, steps=STEPS):
        return numpy.random.default_rng(steps).standard_normal((steps, BATCH, WIDTH)).astype(numpy.float32)

    def test_a_loop_gives_what_its_iterations_written_out_give(self):
        x, extents = self.sequence(), [STEPS, BATCH, WIDTH]
        for place in self.exact_placements():
            with self.subTest(place=place):
                by_hand = self.answer(lstm_unrolled(extents), *place, x=x)
                self.assertGreater(by_hand.std(), 1e-3)
                self.assertEqual(self.answer(lstm_loop(extents), *place, x=x).tobytes(), by_hand.tobytes())
        self.assertLess(numpy.abs(self.answer(lstm_loop(["t", BATCH, WIDTH]), x=x) - by_hand).max(), 2e-2)

    def test_a_scan_walks_in_either_direction(self):
        for backwards in (0, 1):
            for extents in ([STEPS, BATCH, WIDTH], ["t", BATCH, WIDTH]):
                with self.subTest(backwards=backwards, extents=extents):
                    x = self.sequence()
                    got = self.answer(gru_scan(extents, backwards), x=x)
                    self.assertLess(numpy.abs(got - gru_by_hand(x, backwards)).max(), 2e-2)
                    exact = self.answer(gru_scan(extents, backwards), "--device", "reference", x=x)
                    self.assertLess(numpy.abs(exact - gru_by_hand(x, backwards)).max(), 1e-5)

    def test_shards_give_the_bits_of_one_program(self):
        for extents in ([STEPS, BATCH, WIDTH], ["t", BATCH, WIDTH]):
            for model in (lstm_loop(extents), gru_scan(extents, 1)):
                with self.subTest(extents=extents, op=[step.op_type for step in model.graph.node]):
                    x = self.sequence(9 if extents[0] == "t" else STEPS)
                    for place in self.exact_placements():
                        whole = self.answer(model, *place, x=x)
                        for shards in ("2", "3"):
                            part = self.answer(model, *place, "--shards", shards, x=x)
                            self.assertEqual(whole.tobytes(), part.tobytes(), (place, shards))

    def test_bodies_travel_to_other_processes(self):
        x, model = self.sequence(9), lstm_loop(["t", BATCH, WIDTH])
        nodes = [self.start_node("--name", name)[1] for name in ("left", "right")]
        named = [word for ready in nodes for word in ("--node", f"127.0.0.1:{ready['port']}")]
        alone = ("--device", "reference", "--storage", "f32")
        there = self.answer(model, *alone, "--shards", "2", *named, x=x)
        here = self.answer(model, *alone, x=x)
        self.assertEqual(there.tobytes(), here.tobytes())

    def test_a_sequence_of_no_steps_gives_an_empty_result(self):
        model = gru_scan(["t", BATCH, WIDTH], 0)
        self.assertEqual(self.answer(model, x=self.sequence(0)).shape, (0, BATCH, 5))

    def test_a_branch_is_chosen_by_what_is_known_and_by_what_is_given(self):
        def branch(name, op):
            return body(name, [node(op, ["x", "two"], "r_" + name)], [], [("r_" + name, FLOAT, None)],
                        [("two", numpy.array(2, numpy.float32))])
        branches = {"then_branch": branch("then", "Mul"), "else_branch": branch("else", "Add")}
        by_rows = model_of([node("Shape", ["x"], "s"), node("Gather", ["s", "zero"], "n"), node("Greater", ["n", "four"], "c"),
                            node("If", ["c"], "y", **branches)], [("x", FLOAT, ["n", 2])], [("y", FLOAT, ["n", 2])],
                           [("zero", numpy.array(0, numpy.int64)), ("four", numpy.array(4, numpy.int64))])
        by_sum = model_of([node("ReduceSum", ["x"], "s", keepdims=0), node("Greater", ["s", "four"], "c"),
                           node("If", ["c"], "y", **branches)], [("x", FLOAT, ["n", 2])], [("y", FLOAT, ["n", 2])],
                          [("four", numpy.array(4, numpy.float32))])
        for device in ((), ("--device", "reference")):
            for rows in (3, 5):
                x = numpy.ones((rows, 2), numpy.float32) * 3
                self.assertTrue((self.answer(by_rows, *device, x=x) == (x * 2 if rows > 4 else x + 2)).all())
            for value in (1, 0.25):
                x = numpy.full((3, 2), value, numpy.float32)
                self.assertTrue((self.answer(by_sum, *device, x=x) == (x * 2 if value == 1 else x + 2)).all())

    def test_a_loop_ends_when_its_condition_says_so(self):
        """Doubles x until its sum exceeds 100, which only the values tell; counts the rounds."""
        inside = body("round", [node("Add", ["v", "v"], "w"), node("ReduceSum", ["w"], "s", keepdims=0),
                                node("Less", ["s", "hundred"], "more"), node("Add", ["k", "one"], "k2"),
                                node("Identity", ["w"], "seen")],
                      [("i", INT64, []), ("go", BOOL, []), ("v", FLOAT, None), ("k", INT64, [])],
                      [("more", BOOL, []), ("w", FLOAT, None), ("k2", INT64, []), ("seen", FLOAT, None)])
        model = model_of([node("Loop", ["", "", "x", "none"], ["y", "rounds", "history"], body=inside),
                          node("Add", ["y", "y"], "last")],
                         [("x", FLOAT, ["n"])], [("last", FLOAT, ["n"])],
                         [("hundred", numpy.array(100, numpy.float32)), ("one", numpy.array(1, numpy.int64)),
                          ("none", numpy.array(0, numpy.int64))])
        for device in ((), ("--device", "reference")):
            x = numpy.array([1, 2, 3], numpy.float32)
            self.assertTrue((self.answer(model, *device, x=x) == x * 64).all())
            self.assertTrue((self.answer(model, *device, x=x * 8) == x * 8 * 8).all())

    def test_sequences_do_not_keep_a_model_from_being_cut(self):
        nodes = [node("Relu", ["x"], "a"), node("SplitToSequence", ["a", "sizes"], "parts", axis=0),
                 node("SequenceAt", ["parts", "last"], "b"), node("Mul", ["b", "b"], "c"),
                 node("SequenceInsert", ["parts", "c"], "more"), node("ConcatFromSequence", ["more"], "d", axis=0),
                 node("Add", ["d", "d"], "e"), node("Tanh", ["e"], "y")]
        model = model_of(nodes, [("x", FLOAT, ["n", 4])], [("y", FLOAT, None)],
                         [("sizes", numpy.array(2, numpy.int64)), ("last", numpy.array(-1, numpy.int64))])
        x = numpy.random.default_rng(1).standard_normal((5, 4)).astype(numpy.float32)
        a = numpy.maximum(x, 0)
        for place in self.exact_placements():
            whole = self.answer(model, *place, x=x)
            self.assertLess(numpy.abs(whole - numpy.tanh(2 * numpy.concatenate([a, a[4:] ** 2]))).max(), 2e-3)
            self.assertEqual(whole.tobytes(), self.answer(model, *place, "--shards", "2", x=x).tobytes())

    def test_operators_in_bodies_are_counted(self):
        onnx.save(lstm_loop(["t", BATCH, WIDTH]), self.path("m.onnx"))
        counts = {use["name"]: use["count"] for use in self.troupe_json("inspect", self.path("m.onnx"))["operators"]}
        self.assertEqual((counts["Loop"], counts["Sigmoid"], counts["MatMul"]), (1, 3, 4))

    def loop(self, nodes, outputs, inputs=(), trips=3):
        inside = body("b", nodes, [("i", INT64, []), ("go", BOOL, []), *inputs], outputs)
        return model_of([node("Loop", ["trips", "yes", "x"], ["y"], body=inside)], [("x", FLOAT, [2])],
                        [("y", FLOAT, [2])], [("trips", numpy.array(trips, numpy.int64)), ("yes", numpy.array(True))])

    def test_loops_without_end_are_refused(self):
        x = numpy.ones(2, numpy.float32)
        for nodes, result in (([node("Add", ["v", "v"], "w")], "w"), ([], "v")):
            model = self.loop(nodes, [("go", BOOL, []), (result, FLOAT, [2])], [("v", FLOAT, [2])], 2**62)
            self.refused(model, ["Loop", "100000 nodes"], code=3, x=x)

    def test_bodies_that_do_not_fit_their_node_are_refused(self):
        x = numpy.ones(2, numpy.float32)
        add = node("Add", ["v", "v"], "w")
        v, w, go = ("v", FLOAT, [2]), ("w", FLOAT, [2]), ("go", BOOL, [])
        self.refused(self.loop([add], [go, w, w], [v]), ["\"body\"", "gives 3 values", "needs 2"], x=x)
        self.refused(self.loop([add], [go, w], [v, ("u", FLOAT, [2])]), ["\"body\"", "takes 4 values", "gives it 3"], x=x)
        self.refused(self.loop([node("Add", ["v", "nowhere"], "w")], [go, w], [v]), ["\"nowhere\"", "nothing makes"], x=x)
        without = self.loop([add], [go, w], [v])
        del without.graph.node[0].attribute[:]
        self.refused(without, ["lacks the body \"body\""], x=x)

    def nested(self, depth):
        inner = body("b0", [node("Relu", ["x"], "r0")], [], [("r0", FLOAT, [2])])
        for level in range(1, depth + 1):
            inner = body(f"b{level}", [node("If", ["yes"], f"r{level}", then_branch=inner, else_branch=body(
                f"e{level}", [node("Neg", ["x"], f"n{level}")], [], [(f"n{level}", FLOAT, [2])]))], [],
                [(f"r{level}", FLOAT, [2])])
        last = node("If", ["yes"], "y", then_branch=inner, else_branch=inner) if depth < 20 else node(
            "If", ["yes"], "y", then_branch=inner)
        return model_of([last], [("x", FLOAT, [2])], [("y", FLOAT, [2])], [("yes", numpy.array(True))])

    def test_deep_nests_of_bodies_are_refused(self):
        x = numpy.array([1, -1], numpy.float32)
        self.assertEqual(self.answer(self.nested(5), x=x).tolist(), [1, 0])
        self.refused(self.nested(14), ["in more than 12 others"], code=3, x=x)
        self.refused(self.nested(25), ["nested deeper"], x=x)

    def test_a_thousand_bodies_in_one_another_are_refused(self):
        """Written byte by byte: Python's own protobuf gives up long before."""
        def record(field, payload):
            size, digits = len(payload), b""
            while size >= 128:
                digits, size = digits + bytes([size % 128 | 128]), size // 128
            return bytes([field << 3 | 2]) + digits + bytes([size]) + payload
        graph = record(2, b"g")
        for _ in range(1000):
            attribute = record(1, b"then_branch") + record(6, graph) + bytes([20 << 3 & 127 | 128, 1, 5])
            graph = record(2, b"g") + record(1, record(4, b"If") + record(5, attribute))
        model = bytes([1 << 3, 8]) + record(7, graph) + record(8, record(1, b"") + bytes([2 << 3, 13]))
        (self.folder / "deep.onnx").write_bytes(model)
        self.fails("run", self.path("deep.onnx"), "--output-dir", self.path("none"), naming=["nested deeper than"])


if __name__ == "__main__":
    unittest.main()
