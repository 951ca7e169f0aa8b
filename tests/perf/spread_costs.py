#!/usr/bin/env python3
"""What it costs to run a model in two processes instead of one: time, bytes and CPU of a step.

    unshare -n tests/perf/spread_costs.py PROGRAM [--layers 12] [--width 2048] [--model FILE.onnx] [--batch 1,64]

In a network namespace of its own (hence unshare, as root), so that the loopback interface carries nothing else. The
null device computes nothing: what is left is what spreading costs. A step goes from the program that asks to the first
process, on to the second, and back: three hops. Medians of rounds in which the ways to run it take turns."""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile

import numpy
from onnx import TensorProto, helper, load, numpy_helper, save


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


def told(program, *words):
    done = subprocess.run([program, *map(str, words), "--json"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    return json.loads(done.stdout)


def least_bytes(program, model, batch):
    """What has to travel in a step: inputs and outputs as they are, and what crosses the cut."""
    outputs = load(model, load_external_data=False).graph.output
    out = sum(batch * 4 * int(numpy.prod([d.dim_value for d in each.type.tensor_type.shape.dim][1:])) for each in outputs)
    parts = told(program, "plan", model, "--batch", batch, "--shards", 2)["parts"]
    return parts[0]["bytes_in"] + parts[1]["bytes_in"] + out


def difference(program, model, runs, in_flight, pids, words):
    """A long measurement, and what it took more than a short one for each step, so that loading is left out."""
    taken = []
    for count in (1, runs + 1):
        before = loopback_bytes(), cpu_seconds(pids)
        report = told(program, "bench", model, "--runs", count, "--in-flight", in_flight, *words)
        after = loopback_bytes(), cpu_seconds(pids)
        taken.append([late - early for early, late in zip(before, after)])
    steps = runs * (1 + 2 * in_flight)
    moved, cpu = [(long - short) / steps for short, long in zip(*taken)]
    return {"ms": report["supervised"]["latency_ms"], "bytes": moved, "cpu_ms": cpu * 1e3,
            "steps_per_s": report["supervised"]["images_per_s"]}


def compare(given, model, device, batch, nodes, pids):
    common = ["--device", device, "--batch", batch]
    spread = [*common, "--shards", 2, "--parallel", given.parallel, *nodes]
    told(given.program, "bench", model, "--runs", 1, *spread)  # weights reach the nodes
    ways = {"one_process": common, "one_process_two_shards": spread[:-len(nodes)], "two_processes": spread}
    taken = {name: [] for name in ways}
    for _ in range(given.rounds):
        for name, words in ways.items():
            taken[name].append(difference(given.program, model, given.runs, given.in_flight, pids, words))
    middle = {name: {key: statistics.median(each[key] for each in all_) for key in all_[0]}
              for name, all_ in taken.items()}
    found = {"device": device, "batch": batch}
    for name, each in middle.items():
        found[name] = {"ms": round(each["ms"], 3), "cpu_ms": round(each["cpu_ms"], 3),
                       "steps_per_s": round(each["steps_per_s"] / batch, 1)}
    two = middle["two_processes"]
    found["hop_ms"] = round((two["ms"] - middle["one_process"]["ms"]) / 3, 3)
    if given.parallel == "pipeline":
        least = least_bytes(given.program, model, batch)
        found.update(bytes_a_step=round(two["bytes"]), least_bytes=least, ratio=round(two["bytes"] / least, 3))
    print(json.dumps(found), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--model", help="instead of a chain of layers")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--batch", default="1,64")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--parallel", default="pipeline")
    parser.add_argument("--devices", default="null,0")
    given = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or os.path.join(folder, "layers.onnx")
        if not given.model:
            make_model(model, given.layers, given.width)
        for device in given.devices.split(","):
            processes, nodes = [], []
            for name in ("a", "b"):
                process = subprocess.Popen([given.program, "node", "--json", "--name", name, "--device", device],
                                           stdout=subprocess.PIPE, text=True)
                processes.append(process)
                nodes += ["--node", f"127.0.0.1:{json.loads(process.stdout.readline())['port']}"]
            try:
                for batch in map(int, given.batch.split(",")):
                    compare(given, model, device, batch, nodes, [process.pid for process in processes])
            finally:
                for process in processes:
                    process.terminate()
                    process.wait()


if __name__ == "__main__":
    main()
