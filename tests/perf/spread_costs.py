#!/usr/bin/env python3
"""What it costs to run a model in two processes instead of one: time, bytes and CPU of a step.

    unshare -n tests/perf/spread_costs.py PROGRAM [--layers 12] [--width 2048] [--batch 1,64]

In a network namespace of its own (hence unshare, as root), so that the loopback interface carries nothing else. The
null device computes nothing: what is left is what spreading costs."""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import tempfile

import numpy
from onnx import TensorProto, helper, numpy_helper, save


def make_model(path, layers, width):
    random = numpy.random.default_rng(1)
    constants, nodes, last = [], [], "x"
    for layer in range(layers):
        weights = (random.standard_normal((width, width)) / numpy.sqrt(width)).astype(numpy.float32)
        constants.append(numpy_helper.from_array(weights, f"w{layer}"))
        nodes += [helper.make_node("MatMul", [last, f"w{layer}"], [f"m{layer}"]),
                  helper.make_node("Relu", [f"m{layer}"], [f"r{layer}"])]
        last = f"r{layer}"
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "layers", [value("x", TensorProto.FLOAT, ["batch", width])],
                              [value(last, TensorProto.FLOAT, ["batch", width])], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    save(made, path)


def loopback_bytes():
    for line in pathlib.Path("/proc/net/dev").read_text().splitlines():
        if line.strip().startswith("lo:"):
            return int(line.split(":")[1].split()[0])
    raise SystemExit("there is no loopback interface")


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ticks / os.sysconf("SC_CLK_TCK") + children.ru_utime + children.ru_stime


def bench(program, model, *words):
    done = subprocess.run([program, "bench", model, "--json", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--batch", default="1,64")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--parallel", default="pipeline")
    parser.add_argument("--devices", default="null,0")
    given = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    in_flight = 8
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "layers.onnx")
        make_model(model, given.layers, given.width)
        for device in given.devices.split(","):
            nodes, words = [], []
            for name in ("a", "b"):
                process = subprocess.Popen([given.program, "node", "--json", "--name", name, "--device", device],
                                           stdout=subprocess.PIPE, text=True)
                nodes.append(process)
                words += ["--node", f"127.0.0.1:{json.loads(process.stdout.readline())['port']}"]
            pids = [process.pid for process in nodes]
            try:
                for batch in map(int, given.batch.split(",")):
                    common = ["--device", device, "--batch", batch, "--in-flight", in_flight]
                    one = bench(given.program, model, *common, "--runs", given.runs)
                    two_words = [*common, "--shards", 2, "--parallel", given.parallel, *words]
                    # The difference of a long and a short measurement: loading is left out.
                    taken = []
                    for runs in (1, given.runs + 1):
                        before = loopback_bytes(), cpu_seconds(pids)
                        two = bench(given.program, model, *two_words, "--runs", runs)
                        after = loopback_bytes(), cpu_seconds(pids)
                        taken.append([late - early for early, late in zip(before, after)])
                    steps = given.runs * (1 + 2 * in_flight)
                    moved, cpu = [(long - short) / steps for short, long in zip(*taken)]
                    # Inputs and outputs are float32, what crosses the cut is float16.
                    least = batch * given.width * (4 + 2 + 4)
                    print(json.dumps({
                        "device": device, "batch": batch,
                        "one_process_ms": round(one["supervised"]["latency_ms"], 3),
                        "two_processes_ms": round(two["supervised"]["latency_ms"], 3),
                        "engine_ms": round(two["direct"]["latency_ms"], 3),
                        "one_process_steps_per_s": round(one["supervised"]["images_per_s"] / batch, 1),
                        "two_processes_steps_per_s": round(two["supervised"]["images_per_s"] / batch, 1),
                        "bytes_a_step": round(moved), "least_bytes": least, "ratio": round(moved / least, 3),
                        "cpu_ms_a_step": round(cpu * 1e3, 3)}), flush=True)
            finally:
                for process in nodes:
                    process.terminate()
                    process.wait()


if __name__ == "__main__":
    main()
