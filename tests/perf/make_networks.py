#!/usr/bin/env python3
"""Writes well-known networks as ONNX files with random weights, in their true shapes: for measuring, not for answers.

    tests/perf/make_networks.py FOLDER [--only resnet50,vgg16] [--tiny] [--seed N]

--tiny divides channels and images, so that tests run the same graphs in no time. Weights are scaled by their fan-in, so
that activations stay of order 1 through all layers.
"""

import argparse
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


class builder:
    """Collects nodes; every method returns the name of what it makes."""

    def __init__(self, name, image, seed, tiny):
        self.name, self.nodes, self.weights = name, [], []
        self.random = numpy.random.default_rng(seed)
        self.tiny = tiny
        self.image = image // 7 if tiny else image
        self.channels = {"input": 3}

    def width(self, channels):
        """Channels of a layer; multiples of 8 stay multiples of 8."""
        return max(8, channels // 8 // 8 * 8) if self.tiny else channels

    def add(self, op, inputs, channels=None, **attributes):
        result = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [result], result, **attributes))
        self.channels[result] = self.channels.get(inputs[0]) if channels is None else channels
        return result

    def tensor(self, values):
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(numpy.asarray(values), name))
        return name

    def normal(self, shape, fan_in):
        return self.tensor(self.random.standard_normal(shape, numpy.float32) * numpy.float32((2 / fan_in) ** 0.5))

    def conv(self, x, outputs, kernel=3, stride=1, pad=None, group=1, bias=True):
        inputs = self.channels[x]
        pad = kernel // 2 if pad is None else pad
        operands = [x, self.normal((outputs, inputs // group, kernel, kernel), inputs // group * kernel * kernel)]
        if bias:
            operands.append(self.tensor(self.random.uniform(-0.1, 0.1, outputs).astype(numpy.float32)))
        return self.add("Conv", operands, outputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4,
                        group=group)

    def normalization(self, x):
        channels = self.channels[x]
        return self.add("BatchNormalization", [
            x,
            self.tensor(self.random.uniform(0.8, 1.2, channels).astype(numpy.float32)),
            self.tensor(self.random.uniform(-0.1, 0.1, channels).astype(numpy.float32)),
            self.tensor(self.random.uniform(-0.1, 0.1, channels).astype(numpy.float32)),
            self.tensor(self.random.uniform(0.8, 1.2, channels).astype(numpy.float32))])

    def conv_normalization(self, x, outputs, kernel=3, stride=1, group=1, activation="Relu"):
        x = self.normalization(self.conv(x, outputs, kernel, stride, group=group, bias=False))
        if activation == "Relu6":
            return self.add("Clip", [x, self.tensor(numpy.float32(0)), self.tensor(numpy.float32(6))])
        return self.add(activation, [x]) if activation else x

    def pool(self, x, kernel, stride, pad=0):
        return self.add("MaxPool", [x], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def linear(self, x, inputs, outputs):
        return self.add("Gemm", [x, self.normal((outputs, inputs), inputs),
                                 self.tensor(numpy.zeros(outputs, numpy.float32))], outputs, transB=1)

    def matmul(self, x, inputs, outputs):
        product = self.add("MatMul", [x, self.normal((inputs, outputs), inputs)])
        return self.add("Add", [product, self.tensor(numpy.zeros(outputs, numpy.float32))])

    def classify(self, x, classes=1000):
        x = self.add("Flatten", [self.add("GlobalAveragePool", [x])], axis=1)
        return self.linear(x, self.channels[x], self.width(classes))

    def model(self, result):
        image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, self.image, self.image])
        output = helper.make_tensor_value_info(result, TensorProto.FLOAT, None)
        made = helper.make_model(helper.make_graph(self.nodes, self.name, [image], [output], self.weights),
                                 opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return onnx.shape_inference.infer_shapes(made)


def resnet(b, blocks, bottleneck):
    x = b.pool(b.conv_normalization("input", b.width(64), 7, 2), 3, 2, 1)
    for stage, count in enumerate(blocks):
        inner = b.width(64 << stage)
        outputs = 4 * inner if bottleneck else inner
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            shortcut = x
            if stride == 2 or b.channels[x] != outputs:
                shortcut = b.conv_normalization(x, outputs, 1, stride, activation=None)
            if bottleneck:
                y = b.conv_normalization(x, inner, 1)
                y = b.conv_normalization(y, inner, 3, stride)
                y = b.conv_normalization(y, outputs, 1, activation=None)
            else:
                y = b.conv_normalization(x, inner, 3, stride)
                y = b.conv_normalization(y, inner, 3, activation=None)
            x = b.add("Relu", [b.add("Add", [y, shortcut])])
    return b.classify(x)


def mobilenet_v2(b):
    x = b.conv_normalization("input", b.width(32), 3, 2, activation="Relu6")
    settings = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, channels, count, first_stride in settings:
        outputs = b.width(channels)
        for block in range(count):
            stride = first_stride if block == 0 else 1
            inputs = b.channels[x]
            y = x
            if expansion != 1:
                y = b.conv_normalization(y, inputs * expansion, 1, activation="Relu6")
            y = b.conv_normalization(y, b.channels[y], 3, stride, group=b.channels[y], activation="Relu6")
            y = b.conv_normalization(y, outputs, 1, activation=None)
            x = b.add("Add", [x, y]) if stride == 1 and inputs == outputs else y
    return b.classify(b.conv_normalization(x, b.width(1280), 1, activation="Relu6"))


def squeezenet(b):
    def fire(x, squeeze, expand):
        x = b.add("Relu", [b.conv(x, b.width(squeeze), 1)])
        sides = [b.add("Relu", [b.conv(x, b.width(expand), kernel)]) for kernel in (1, 3)]
        return b.add("Concat", sides, 2 * b.width(expand), axis=1)

    x = b.pool(b.add("Relu", [b.conv("input", b.width(64), 3, 2, 0)]), 3, 2)
    x = b.pool(fire(fire(x, 16, 64), 16, 64), 3, 2)
    x = b.pool(fire(fire(x, 32, 128), 32, 128), 3, 2)
    x = fire(fire(fire(fire(x, 48, 192), 48, 192), 64, 256), 64, 256)
    x = b.add("Relu", [b.conv(x, b.width(1000), 1)])
    return b.add("Flatten", [b.add("GlobalAveragePool", [x])], axis=1)


def vgg16(b):
    x = "input"
    for channels, count in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]:
        for _ in range(count):
            x = b.add("Relu", [b.conv(x, b.width(channels))])
        x = b.pool(x, 2, 2)
    side = b.image // 32
    hidden = b.width(4096)
    inputs = b.channels[x] * side * side
    x = b.add("Flatten", [x], inputs, axis=1)
    x = b.add("Relu", [b.linear(x, inputs, hidden)])
    x = b.add("Relu", [b.linear(x, hidden, hidden)])
    return b.linear(x, hidden, b.width(1000))


def vit_b16(b):
    """Attention, LayerNormalization and Gelu as PyTorch exports them, in primitive operators."""
    size, heads, layers = (48, 3, 2) if b.tiny else (768, 12, 12)
    tokens = (b.image // 16) ** 2 + 1
    shape = lambda *extents: b.tensor(numpy.array(extents, numpy.int64))
    scalar = lambda value: b.tensor(numpy.float32(value))

    def normalized(x):
        return b.add("LayerNormalization", [x, b.tensor(numpy.ones(size, numpy.float32)),
                                            b.tensor(numpy.zeros(size, numpy.float32))], axis=-1, epsilon=1e-6)

    def attention(x):
        def split(name_permutation):
            y = b.add("Reshape", [b.matmul(x, size, size), shape(1, tokens, heads, size // heads)])
            return b.add("Transpose", [y], perm=name_permutation)

        query, key, value = split([0, 2, 1, 3]), split([0, 2, 3, 1]), split([0, 2, 1, 3])
        scores = b.add("Div", [b.add("MatMul", [query, key]), scalar((size / heads) ** 0.5)])
        mixed = b.add("MatMul", [b.add("Softmax", [scores], axis=-1), value])
        joined = b.add("Reshape", [b.add("Transpose", [mixed], perm=[0, 2, 1, 3]), shape(1, tokens, size)])
        return b.matmul(joined, size, size)

    def perceptron(x):
        y = b.matmul(x, size, 4 * size)
        half = b.add("Mul", [y, scalar(0.5)])
        error = b.add("Erf", [b.add("Div", [y, scalar(2 ** 0.5)])])
        return b.matmul(b.add("Mul", [half, b.add("Add", [error, scalar(1)])]), 4 * size, size)

    x = b.conv("input", size, 16, 16, 0)
    x = b.add("Transpose", [b.add("Reshape", [x, shape(1, size, tokens - 1)])], perm=[0, 2, 1])
    token = b.tensor(b.random.standard_normal((1, 1, size), numpy.float32) * numpy.float32(0.02))
    x = b.add("Concat", [token, x], axis=1)
    x = b.add("Add", [x, b.tensor(b.random.standard_normal((1, tokens, size), numpy.float32) * numpy.float32(0.02))])
    for _ in range(layers):
        x = b.add("Add", [x, attention(normalized(x))])
        x = b.add("Add", [x, perceptron(normalized(x))])
    x = b.add("Gather", [normalized(x), b.tensor(numpy.int64(0))], axis=1)
    return b.linear(x, size, b.width(1000))


NETWORKS = {
    "resnet18": lambda b: resnet(b, [2, 2, 2, 2], False),
    "resnet50": lambda b: resnet(b, [3, 4, 6, 3], True),
    "mobilenet_v2": mobilenet_v2,
    "squeezenet1_1": squeezenet,
    "vgg16": vgg16,
    "vit_b16": vit_b16,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", default=",".join(NETWORKS), help="names, separated by commas")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in given.only.split(","):
        image = 224 if not given.tiny or name != "vgg16" else 448
        made = builder(name, image, given.seed, given.tiny)
        model = made.model(NETWORKS[name](made))
        path = given.folder / f"{name}.onnx"
        onnx.save(model, path)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(model.graph.node)} nodes")


if __name__ == "__main__":
    main()
