#!/usr/bin/python3
"""Runs ONNX's own backend node tests through the troupe program and counts passes per operator.

The cases come from the generators inside the onnx package (Debian: python3-onnx), so nothing is stored here. Every case
is a process of its own: `troupe run MODEL --input ... --output-dir DIR`, once with fp16 storage (the default) and once
with fp32.

Bounds: fp32 storage must meet ONNX's own tolerance (relative 1e-3, absolute 1e-7), widened to 1e-6 of the tensor's
largest value where sums run in another order. fp16 storage rounds operands and results to 11 bits: 2e-2 of the tensor's
largest value. Integers and booleans must be equal; NaN and infinity must be at the same places.

Example: tests/onnx_backend/run_node_tests.py --troupe build/dev/sample_apps/troupe/troupe
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnx

OPERATORS = """Conv MatMul Gemm MaxPool AveragePool GlobalAveragePool BatchNormalization LRN Relu LeakyRelu Clip Sigmoid
Tanh Softmax Add Sub Mul Div Concat Flatten Reshape Transpose Squeeze Unsqueeze Pad Dropout Identity Constant Cast Shape
Gather Slice ReduceMean Abs Acos Acosh And ArgMax ArgMin Asin Asinh Atan Atanh BitShift CastLike Ceil Celu Compress
ConstantOfShape ConvInteger Cos Cosh CumSum DequantizeLinear DynamicQuantizeLinear Elu Equal Erf Exp Expand EyeLike Floor
GatherElements GatherND Greater GreaterOrEqual HardSigmoid HardSwish Hardmax IsInf IsNaN Less LessOrEqual Log
MatMulInteger Max Mean Min Mod Neg NonZero Not OneHot Or PRelu Pow QLinearConv QLinearMatMul QuantizeLinear Range
Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMin ReduceProd ReduceSum ReduceSumSquare
ReverseSequence Round Scatter ScatterElements ScatterND Selu Shrink Sign Sin Sinh Size Softplus Softsign Split Sqrt Sum
Tan ThresholdedRelu Tile TopK Trilu Unique Where Xor LayerNormalization RMSNormalization InstanceNormalization
GroupNormalization LogSoftmax Mish Swish GlobalMaxPool ConvTranspose DepthToSpace SpaceToDepth Upsample Resize RNN LSTM GRU
Einsum Attention RotaryEmbedding If Loop Scan SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength
SequenceMap ConcatFromSequence SplitToSequence Optional OptionalGetElement OptionalHasElement
TfIdfVectorizer MeanVarianceNormalization""".split()

# Cases that Troupe refuses on purpose, each with the reason. A case listed here that starts to pass is an error too.
EXPECTED_UNSUPPORTED = {
    r"^test_cast.*BFLOAT16.*": "bfloat16 tensors do not exist in .npy files",
    r"^test_cast.*(FLOAT8|INT4|FLOAT4)": "8-bit floats and 4-bit integers are refused by name",
    r"^test_cast.*STRING.*": "string tensors are refused by name",
    r"^test_(identity_(sequence|opt)|if_(opt|seq)|loop1[36]_seq|optional_|sequence_)":
        "inputs and outputs of a model are tensors, not sequences and optionals",
    r"^test_training_dropout.*": "training mode draws random numbers; Troupe runs inference",
    r"^test_batchnorm_.*_training_mode$": "training mode updates statistics; Troupe runs inference",
}

# Cases that fp16 storage cannot pass whatever the kernel does; they count as failures in the totals. fp32 must pass them.
LARGE_NUMBERS = "its inputs 10000..10003 are one value in binary16, where neighbours are 8 apart"
EXPECTED_FP16_FAILURES = {
    "test_dynamicquantizelinear_expanded":
        "-2.5 lies exactly between two steps of the scale 5/255, and no longer does when the scale is rounded to binary16",
    "test_logsoftmax_large_number": LARGE_NUMBERS,
    "test_logsoftmax_large_number_expanded": LARGE_NUMBERS,
    "test_reduce_prod_default_axes_keepdims_example": "its result, 479001600, is beyond binary16's largest value, 65504",
    "test_softmax_large_number": LARGE_NUMBERS,
    "test_softmax_large_number_expanded": LARGE_NUMBERS,
}

# Cases whose expected values onnx itself corrected in release 1.18: until then its average divided by taps that lie
# beyond the padded input.
CORRECTED_IN_1_18 = {"test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True"}


def is_corrected(case):
    release = tuple(int(part) for part in re.findall(r"\d+", onnx.__version__)[:2])
    return release >= (1, 18) or case.name not in CORRECTED_IN_1_18


def operators_of(graph):
    """Names of all operators, those in bodies included."""
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from operators_of(attribute.g)


def node_cases():
    """All generated node cases whose graphs use only OPERATORS, with their opset."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The generators of onnx 1.12 use aliases that numpy 1.24 has removed.
        for alias, builtin in (("float", float), ("int", int), ("bool", bool), ("object", object)):
            if alias not in numpy.__dict__:
                setattr(numpy, alias, builtin)
        numpy.random.seed(0)
        from onnx.backend.test.case.node import collect_testcases
        cases = collect_testcases(None)
    for case in cases:
        if case.kind != "node":
            continue
        used = set(operators_of(case.model.graph))
        if used and used <= set(OPERATORS) and is_corrected(case):
            yield case, sorted(used)[0] if len(used) == 1 else "+".join(sorted(used))


def explain(name):
    for pattern, reason in EXPECTED_UNSUPPORTED.items():
        if re.match(pattern, name):
            return reason
    return None


def mismatch(got, want, storage):
    """Why `got` is not `want`, or None."""
    want = numpy.asarray(want)
    if got.shape != want.shape:
        return f"shape {got.shape}, want {want.shape}"
    if want.dtype.kind in "iub":
        return None if numpy.array_equal(got.astype(want.dtype), want) else "integers differ"
    if got.dtype != want.dtype:
        return f"type {got.dtype}, want {want.dtype}"
    got, want = got.astype(numpy.float64), want.astype(numpy.float64)
    finite = numpy.isfinite(want)
    if not numpy.array_equal(numpy.isfinite(got), finite) or not numpy.array_equal(
            got[~finite], want[~finite], equal_nan=True):
        return "NaN or infinity at other places"
    scale = numpy.abs(want[finite]).max(initial=0)
    if storage == "f16":
        limit = 2e-2 * scale + 1e-7
    else:
        limit = 1e-3 * numpy.abs(want[finite]) + 1e-6 * scale + 1e-7
    worst = (numpy.abs(got[finite] - want[finite]) - limit).max(initial=-1)
    return None if worst <= 0 else f"off by {worst:.3g} beyond the bound (scale {scale:.3g})"


def run_case(troupe, case, storage):
    """None when every data set passes, else what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model = folder / "model.onnx"
        model.write_bytes(case.model.SerializeToString())
        for number, (inputs, outputs) in enumerate(case.data_sets):
            command = [troupe, "run", str(model), "--storage", storage, "--output-dir", str(folder / "out")]
            for declared, value in zip(case.model.graph.input, inputs):
                if value is None or isinstance(value, list):
                    return f"the input {declared.name} is no tensor"
                if not isinstance(value, numpy.ndarray):
                    value = numpy.asarray(value)
                file = folder / f"input_{number}_{len(command)}.npy"
                numpy.save(file, value)
                command += ["--input", f"{declared.name}={file}"]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            except subprocess.TimeoutExpired:
                return "no answer within 120 s"
            if done.returncode != 0:
                return f"exit {done.returncode}: {done.stderr.strip()[-300:]}"
            for declared, want in zip(case.model.graph.output, outputs):
                file = folder / "out" / (re.sub(r"[^A-Za-z0-9_.-]", "_", declared.name) + ".npy")
                if not file.exists():
                    return f"no output file for {declared.name}"
                wrong = mismatch(numpy.load(file), want, storage)
                if wrong:
                    return f"output {declared.name}: {wrong}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--troupe", required=True, help="the troupe program")
    parser.add_argument("--storage", default="f16,f32", help="storage types to run with (default: %(default)s)")
    parser.add_argument("--filter", default="", help="only cases whose name matches this regular expression")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="cases at a time (default: %(default)s)")
    arguments = parser.parse_args()

    cases = [(case, op) for case, op in node_cases() if re.search(arguments.filter, case.name)]
    if not cases:
        sys.exit("no case was selected")
    failures, surprises, explained = [], [], []
    for storage in arguments.storage.split(","):
        passed, total = collections.Counter(), collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            outcomes = pool.map(lambda item: run_case(arguments.troupe, item[0], storage), cases)
            for (case, op), wrong in zip(cases, outcomes):
                reason = explain(case.name)
                if reason:
                    if wrong is None:
                        surprises.append(f"{case.name} [{storage}] passes although: {reason}")
                    continue
                total[op] += 1
                if wrong is None:
                    passed[op] += 1
                elif storage == "f16" and case.name in EXPECTED_FP16_FAILURES:
                    explained.append(f"{case.name} [{storage}]: {EXPECTED_FP16_FAILURES[case.name]}")
                else:
                    failures.append(f"{case.name} [{storage}]: {wrong}")
        print(f"storage {storage}: {sum(passed.values())} of {sum(total.values())} cases pass")
        for op in sorted(total):
            print(f"  {op:<22} {passed[op]:>3} of {total[op]:>3}")
    refused = sorted(case.name for case, _ in cases if explain(case.name))
    print(f"refused on purpose: {len(refused)}")
    for name in refused:
        print(f"  {name}: {explain(name)}")
    for line in explained:
        print(f"fails, explained: {line}")
    for line in failures + surprises:
        print(f"FAILED {line}")
    sys.exit(1 if failures or surprises else 0)


if __name__ == "__main__":
    main()
