#!/usr/bin/env python3
"""Train the sample digit classifier and export it as ONNX.

The network is a small convolutional classifier for 8x8 grayscale images of
handwritten digits.  It is trained with plain numpy on the digits set that is
shipped inside scikit-learn (1797 real images), so neither a deep-learning
framework nor a network connection is needed.

A training run writes, next to this script (or to ``--output-dir``):

* ``digits.onnx``            the trained network (opset 13)
* ``digits_labels.txt``      one class label per line
* ``held_out/NNNN_L.png``    the images kept out of training (index, label)
* ``digits_reference.json``  the expected logits for each held-out image

``--verify`` re-evaluates the exported file with an evaluator that shares no
code with the training network, and compares it with the reference file.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from pathlib import Path

# One BLAS thread makes a run repeatable and is as fast for matrices this
# small.  It has to be set before numpy is imported.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                  "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402

IMAGE_SIZE = 8
CLASS_COUNT = 10
HELD_OUT_COUNT = 360
SOURCE_MAXIMUM = 16        # the data set stores ink as 0..16
BATCH_NORM_EPSILON = 1e-5

MODEL_FILE = "digits.onnx"
LABELS_FILE = "digits_labels.txt"
REFERENCE_FILE = "digits_reference.json"
HELD_OUT_FOLDER = "held_out"


# --------------------------------------------------------------------------
# Data
# --------------------------------------------------------------------------

def load_pixels():
    """Return (pixels, labels): uint8 images as stored in PNG, and classes.

    The ink levels 0..16 are spread over 0..255.  The 17 levels stay distinct,
    so an 8-bit PNG keeps everything the data set contains.
    """
    from sklearn.datasets import load_digits
    data = load_digits()
    levels = data.images
    if levels.min() < 0 or levels.max() > SOURCE_MAXIMUM:
        raise ValueError("unexpected ink levels in the data set")
    pixels = np.floor(levels * 255.0 / SOURCE_MAXIMUM + 0.5).astype(np.uint8)
    return pixels, data.target.astype(np.int64)


def to_input(pixels):
    """Turn uint8 (N, 8, 8) pixels into the float32 (N, 1, 8, 8) input."""
    return (pixels.astype(np.float32) / np.float32(255.0))[:, None]


def split_indices(labels, seed):
    """Return sorted (training, held-out) indices, stratified by class."""
    from sklearn.model_selection import train_test_split
    training, held_out = train_test_split(
        np.arange(len(labels)), test_size=HELD_OUT_COUNT, stratify=labels,
        random_state=seed)
    return np.sort(training), np.sort(held_out)


def bilinear_upsampling_matrix(coarse, fine):
    """Return the (fine, coarse) matrix of 1-D linear interpolation."""
    position = np.linspace(0.0, coarse - 1.0, fine)
    distance = np.abs(position[:, None] - np.arange(coarse)[None, :])
    return np.maximum(0.0, 1.0 - distance).astype(np.float32)


class Augmenter:
    """Random small affine and elastic distortions of a batch of images."""

    ROTATION = np.deg2rad(10.0)   # +- maximum angle
    SHEAR = 0.10                  # +- maximum horizontal shear
    SCALE = 0.10                  # +- maximum relative change of size
    SHIFT = 0.8                   # +- maximum shift in pixels
    ELASTIC = 0.25                # standard deviation in pixels
    GAIN = 0.10                   # +- maximum relative change of ink
    COARSE = 4                    # size of the elastic displacement grid

    def __init__(self, rng):
        """Keep the random generator and prepare the sampling grid."""
        self.rng = rng
        centre = (IMAGE_SIZE - 1) / 2.0
        axis = np.arange(IMAGE_SIZE, dtype=np.float32) - centre
        self.centre = centre
        self.grid_y, self.grid_x = np.meshgrid(axis, axis, indexing="ij")
        self.upsample = bilinear_upsampling_matrix(self.COARSE, IMAGE_SIZE)

    def __call__(self, images):
        """Return distorted copies of float32 images of shape (N, 8, 8)."""
        count = len(images)

        def uniform(limit):
            draw = self.rng.uniform(-limit, limit, (count, 1, 1))
            return draw.astype(np.float32)

        angle = uniform(self.ROTATION)
        scale_y, scale_x = 1 + uniform(self.SCALE), 1 + uniform(self.SCALE)
        shear = uniform(self.SHEAR)
        cosine, sine = np.cos(angle), np.sin(angle)
        x = self.grid_x + shear * self.grid_y
        source_x = scale_x * (cosine * x - sine * self.grid_y)
        source_y = scale_y * (sine * x + cosine * self.grid_y)
        source_x = source_x + uniform(self.SHIFT) + self._elastic(count)
        source_y = source_y + uniform(self.SHIFT) + self._elastic(count)
        warped = self._sample(images, source_y + self.centre,
                              source_x + self.centre)
        return np.clip(warped * (1 + uniform(self.GAIN)), 0.0, 1.0)

    def _elastic(self, count):
        """Return smooth random displacements of shape (count, 8, 8)."""
        shape = (count, self.COARSE, self.COARSE)
        coarse = self.rng.normal(0.0, self.ELASTIC, shape).astype(np.float32)
        return self.upsample @ coarse @ self.upsample.T

    @staticmethod
    def _sample(images, y, x):
        """Sample images bilinearly at (y, x); outside is blank paper."""
        border = 2
        padded = np.pad(images, ((0, 0), (border, border), (border, border)))
        limit = IMAGE_SIZE + 2 * border - 1.001
        y = np.clip(y + border, 0.0, limit)
        x = np.clip(x + border, 0.0, limit)
        top, left = y.astype(np.int64), x.astype(np.int64)
        down, right = y - top, x - left
        which = np.arange(len(images))[:, None, None]
        upper = (padded[which, top, left] * (1 - right)
                 + padded[which, top, left + 1] * right)
        lower = (padded[which, top + 1, left] * (1 - right)
                 + padded[which, top + 1, left + 1] * right)
        return (upper * (1 - down) + lower * down).astype(np.float32)


# --------------------------------------------------------------------------
# Layers.  Activations are (batch, height, width, channels) while training.
# --------------------------------------------------------------------------

class Parameter:
    """A trainable array with its gradient and its Adam moments."""

    def __init__(self, value, decay):
        """Wrap value; decay says whether weight decay applies to it."""
        self.value = value.astype(np.float32)
        self.gradient = np.zeros_like(self.value)
        self.first = np.zeros_like(self.value)
        self.second = np.zeros_like(self.value)
        self.decay = decay


class Layer:
    """Base class: a layer without parameters."""

    def parameters(self):
        """Return the trainable parameters."""
        return []


class Conv3x3(Layer):
    """3x3 convolution, stride 1, zero padding 1, no bias."""

    def __init__(self, inputs, outputs, rng, is_first=False):
        """Draw He-initialised weights of shape (9 * inputs, outputs)."""
        scale = np.sqrt(2.0 / (9 * inputs))
        self.weight = Parameter(
            rng.normal(0.0, scale, (9 * inputs, outputs)), decay=True)
        self.inputs, self.outputs = inputs, outputs
        self.is_first = is_first

    def parameters(self):
        """Return the trainable parameters."""
        return [self.weight]

    def forward(self, x, training):
        """Gather the 3x3 neighbourhoods (im2col), then one matmul."""
        count, height, width, channels = x.shape
        padded = np.zeros((count, height + 2, width + 2, channels), x.dtype)
        padded[:, 1:-1, 1:-1] = x
        columns = np.empty((count, height, width, 9, channels), x.dtype)
        for tap in range(9):
            dy, dx = divmod(tap, 3)
            columns[..., tap, :] = padded[:, dy:dy + height, dx:dx + width]
        columns = columns.reshape(-1, 9 * channels)
        if training:
            self.columns = columns
        y = columns @ self.weight.value
        return y.reshape(count, height, width, self.outputs)

    def backward(self, gradient):
        """Accumulate the weight gradient, return the input gradient."""
        count, height, width, _ = gradient.shape
        flat = gradient.reshape(-1, self.outputs)
        self.weight.gradient[...] = self.columns.T @ flat
        if self.is_first:
            return None
        taps = (flat @ np.ascontiguousarray(self.weight.value.T)).reshape(
            count, height, width, 9, self.inputs)
        padded = np.zeros((count, height + 2, width + 2, self.inputs),
                          gradient.dtype)
        for tap in range(9):
            dy, dx = divmod(tap, 3)
            padded[:, dy:dy + height, dx:dx + width] += taps[..., tap, :]
        return padded[:, 1:-1, 1:-1]

    def onnx_weight(self):
        """Return the weight in ONNX order: (out, in, 3, 3)."""
        weight = self.weight.value.reshape(3, 3, self.inputs, self.outputs)
        return np.ascontiguousarray(weight.transpose(3, 2, 0, 1))


class BatchNorm(Layer):
    """Batch normalisation over every axis but the channels."""

    MOMENTUM = np.float32(0.1)

    def __init__(self, channels):
        """Start as the identity."""
        self.scale = Parameter(np.ones(channels), decay=False)
        self.shift = Parameter(np.zeros(channels), decay=False)
        self.mean = np.zeros(channels, np.float32)
        self.variance = np.ones(channels, np.float32)

    def parameters(self):
        """Return the trainable parameters."""
        return [self.scale, self.shift]

    def forward(self, x, training):
        """Normalise with batch (training) or running (inference) values."""
        epsilon = np.float32(BATCH_NORM_EPSILON)
        if not training:
            factor = self.scale.value / np.sqrt(self.variance + epsilon)
            return (x - self.mean) * factor + self.shift.value
        flat = x.reshape(-1, x.shape[-1])
        mean = flat.mean(axis=0)
        centred = flat - mean
        variance = np.square(centred).mean(axis=0)
        self.inverse = 1.0 / np.sqrt(variance + epsilon)
        self.normal = centred * self.inverse
        unbiased = variance * np.float32(len(flat) / (len(flat) - 1))
        self.mean += self.MOMENTUM * (mean - self.mean)
        self.variance += self.MOMENTUM * (unbiased - self.variance)
        y = self.normal * self.scale.value + self.shift.value
        return y.reshape(x.shape)

    def backward(self, gradient):
        """Accumulate the gradients, return the input gradient."""
        flat = gradient.reshape(-1, gradient.shape[-1])
        self.shift.gradient[...] = flat.sum(axis=0)
        self.scale.gradient[...] = (flat * self.normal).sum(axis=0)
        count = np.float32(len(flat))
        result = (flat - self.shift.gradient / count
                  - self.normal * (self.scale.gradient / count))
        result *= self.scale.value * self.inverse
        return result.reshape(gradient.shape)


class Relu(Layer):
    """Rectifier."""

    def forward(self, x, training):
        """Clip negative values to zero."""
        if training:
            self.mask = x > 0
        return np.maximum(x, np.float32(0))

    def backward(self, gradient):
        """Pass the gradient where the input was positive."""
        return gradient * self.mask


class MaxPool2x2(Layer):
    """2x2 maximum, stride 2."""

    def forward(self, x, training):
        """Take the maximum of each 2x2 block."""
        count, height, width, channels = x.shape
        blocks = x.reshape(count, height // 2, 2, width // 2, 2, channels)
        y = blocks.max(axis=(2, 4))
        if training:
            mask = blocks == y[:, :, None, :, None]
            self.share = mask / mask.sum(axis=(2, 4), keepdims=True,
                                         dtype=np.float32)
        return y

    def backward(self, gradient):
        """Send the gradient to the maximum (shared between ties)."""
        result = self.share * gradient[:, :, None, :, None]
        count, rows, _, columns, _, channels = result.shape
        return result.reshape(count, 2 * rows, 2 * columns, channels)


class GlobalAveragePool(Layer):
    """Mean over the image; (N, H, W, C) becomes (N, C)."""

    def forward(self, x, training):
        """Average each channel."""
        self.shape = x.shape
        return x.mean(axis=(1, 2))

    def backward(self, gradient):
        """Spread the gradient evenly."""
        _, height, width, _ = self.shape
        spread = gradient[:, None, None] / np.float32(height * width)
        return np.broadcast_to(spread, self.shape)


class Dense(Layer):
    """Fully connected layer with bias."""

    def __init__(self, inputs, outputs, rng):
        """Draw weights of shape (inputs, outputs)."""
        scale = np.sqrt(1.0 / inputs)
        self.weight = Parameter(
            rng.normal(0.0, scale, (inputs, outputs)), decay=True)
        self.bias = Parameter(np.zeros(outputs), decay=False)

    def parameters(self):
        """Return the trainable parameters."""
        return [self.weight, self.bias]

    def forward(self, x, training):
        """Return x @ weight + bias."""
        if training:
            self.x = x
        return x @ self.weight.value + self.bias.value

    def backward(self, gradient):
        """Accumulate the gradients, return the input gradient."""
        self.weight.gradient[...] = self.x.T @ gradient
        self.bias.gradient[...] = gradient.sum(axis=0)
        return gradient @ self.weight.value.T


class DigitNet:
    """The network: four convolutions, two pooling steps, one dense layer."""

    CHANNELS = (16, 32, 64, 64)

    def __init__(self, rng):
        """Build the layers in order, each with the name of its ONNX node."""
        first, second, third, fourth = self.CHANNELS
        self.layers = [
            ("conv1", Conv3x3(1, first, rng, is_first=True)),
            ("bn1", BatchNorm(first)),
            ("relu1", Relu()),
            ("conv2", Conv3x3(first, second, rng)),
            ("bn2", BatchNorm(second)),
            ("relu2", Relu()),
            ("pool", MaxPool2x2()),
            ("conv3", Conv3x3(second, third, rng)),
            ("bn3", BatchNorm(third)),
            ("relu3", Relu()),
            ("conv4", Conv3x3(third, fourth, rng)),
            ("bn4", BatchNorm(fourth)),
            ("relu4", Relu()),
            ("gap", GlobalAveragePool()),
            ("fc", Dense(fourth, CLASS_COUNT, rng)),
        ]

    def parameters(self):
        """Return every trainable parameter."""
        return [parameter for _, layer in self.layers
                for parameter in layer.parameters()]

    def forward(self, images, training=False):
        """Return the logits for images of shape (N, 8, 8)."""
        x = images[..., None]
        for _, layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, gradient):
        """Propagate the gradient of the loss from the logits."""
        for _, layer in reversed(self.layers):
            gradient = layer.backward(gradient)

    def predict(self, images, batch=256):
        """Return the inference-time logits, evaluated in chunks."""
        return np.concatenate([self.forward(images[start:start + batch])
                               for start in range(0, len(images), batch)])


# --------------------------------------------------------------------------
# Training
# --------------------------------------------------------------------------

def smoothed_cross_entropy(logits, labels, smoothing):
    """Return (mean loss, gradient with respect to the logits)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    log_probability = shifted - log_sum
    target = np.full_like(logits, smoothing / CLASS_COUNT)
    target[np.arange(len(labels)), labels] += np.float32(1 - smoothing)
    loss = -(target * log_probability).sum(axis=1).mean()
    gradient = (np.exp(log_probability) - target) / np.float32(len(labels))
    return float(loss), gradient


def adam_step(parameters, step, rate, decay, betas=(0.9, 0.99)):
    """Apply one AdamW update in place; step counts from 1."""
    first_rate, second_rate = (np.float32(beta) for beta in betas)
    correction = np.sqrt(1 - betas[1] ** step) / (1 - betas[0] ** step)
    for item in parameters:
        item.first += (1 - first_rate) * (item.gradient - item.first)
        item.second += (1 - second_rate) * (np.square(item.gradient)
                                            - item.second)
        if item.decay:
            item.value *= np.float32(1 - rate * decay)
        item.value -= np.float32(rate * correction) * item.first / (
            np.sqrt(item.second) + np.float32(1e-8))


def accuracy_of(logits, labels):
    """Return the fraction of rows whose largest logit is the label."""
    return float((logits.argmax(axis=1) == labels).mean())


def train(images, labels, options, seed, validation=None, prefix=""):
    """Train a network on images (N, 8, 8); return the last epoch's network.

    There is no early stopping: the epoch count is fixed in advance, so the
    validation pair, when given, is only reported and never steers anything.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    network = DigitNet(rng)
    augment = Augmenter(rng)
    parameters = network.parameters()
    steps_per_epoch = len(images) // options.batch_size
    total_steps = steps_per_epoch * options.epochs
    warm_up = max(1, 2 * steps_per_epoch)
    step = 0
    for epoch in range(1, options.epochs + 1):
        started = time.perf_counter()
        order = rng.permutation(len(images))
        losses, correct, seen = 0.0, 0, 0
        for index in range(steps_per_epoch):
            chosen = order[index * options.batch_size:
                           (index + 1) * options.batch_size]
            logits = network.forward(augment(images[chosen]), training=True)
            loss, gradient = smoothed_cross_entropy(
                logits, labels[chosen], options.label_smoothing)
            network.backward(gradient)
            step += 1
            cosine = 0.5 * (1 + np.cos(np.pi * step / total_steps))
            rate = options.learning_rate * min(step / warm_up, cosine)
            adam_step(parameters, step, rate, options.weight_decay)
            losses += loss * len(chosen)
            correct += int((logits.argmax(axis=1) == labels[chosen]).sum())
            seen += len(chosen)
        line = (f"{prefix}epoch {epoch:3d}/{options.epochs}"
                f"  loss {losses / seen:.4f}"
                f"  training accuracy {100 * correct / seen:6.2f} %"
                " (distorted images)")
        if validation is not None and (epoch % 10 == 0
                                       or epoch == options.epochs):
            value = accuracy_of(network.predict(validation[0]), validation[1])
            line += f"  validation {100 * value:6.2f} %"
        print(f"{line}  {time.perf_counter() - started:.1f} s", flush=True)
    return network


def cross_validate(options):
    """Estimate the accuracy of the settings on the training part alone."""
    from sklearn.model_selection import StratifiedKFold
    pixels, labels = load_pixels()
    training, _ = split_indices(labels, options.seed)
    images, labels = to_input(pixels[training])[:, 0], labels[training]
    folds = StratifiedKFold(options.cross_validate, shuffle=True,
                            random_state=options.seed)
    correct = 0
    for number, (fit, check) in enumerate(folds.split(images, labels), 1):
        network = train(images[fit], labels[fit], options,
                        options.seed + number, (images[check], labels[check]),
                        prefix=f"fold {number}  ")
        logits = network.predict(images[check])
        correct += int((logits.argmax(axis=1) == labels[check]).sum())
    print(f"cross-validation: {correct} of {len(labels)} correct, "
          f"{100 * correct / len(labels):.2f} %")
    return 0


# --------------------------------------------------------------------------
# Export
# --------------------------------------------------------------------------

def export_onnx(network, path, metadata):
    """Write the network as ONNX (opset 13) and check the file.

    Batch normalisation stays an explicit node in inference form, so that an
    importer has something to fold.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, initializers = [], []
    current = "image"

    def constant(name, value):
        value = np.ascontiguousarray(value, dtype=np.float32)
        initializers.append(numpy_helper.from_array(value, name))
        return name

    def node(operator, name, *constants, output=None, **attributes):
        nonlocal current
        output = output or f"{name}_out"
        nodes.append(helper.make_node(operator, [current, *constants],
                                      [output], name=name, **attributes))
        current = output

    for name, layer in network.layers:
        if isinstance(layer, Conv3x3):
            node("Conv", name, constant(f"{name}.weight", layer.onnx_weight()),
                 kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1],
                 dilations=[1, 1], group=1)
        elif isinstance(layer, BatchNorm):
            node("BatchNormalization", name,
                 constant(f"{name}.scale", layer.scale.value),
                 constant(f"{name}.bias", layer.shift.value),
                 constant(f"{name}.mean", layer.mean),
                 constant(f"{name}.var", layer.variance),
                 epsilon=BATCH_NORM_EPSILON)
        elif isinstance(layer, Relu):
            node("Relu", name)
        elif isinstance(layer, MaxPool2x2):
            node("MaxPool", name, kernel_shape=[2, 2], strides=[2, 2])
        elif isinstance(layer, GlobalAveragePool):
            node("GlobalAveragePool", name)
            node("Flatten", "flatten", axis=1)
        elif isinstance(layer, Dense):
            node("Gemm", name,
                 constant(f"{name}.weight", layer.weight.value.T),
                 constant(f"{name}.bias", layer.bias.value),
                 output="logits", alpha=1.0, beta=1.0, transA=0, transB=1)
        else:
            raise TypeError(f"no ONNX form for layer {name}")

    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info(
            "image", TensorProto.FLOAT, ["batch", 1, IMAGE_SIZE, IMAGE_SIZE])],
        [helper.make_tensor_value_info(
            "logits", TensorProto.FLOAT, ["batch", CLASS_COUNT])],
        initializers)
    model = helper.make_model(
        graph, producer_name="train_digits.py",
        opset_imports=[helper.make_opsetid("", 13)],
        doc_string="Handwritten-digit classifier for 8x8 grayscale images.")
    model.ir_version = 8
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def write_held_out(folder, pixels, labels, indices):
    """Replace the held-out PNG files; return their names in order."""
    from PIL import Image
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("[0-9][0-9][0-9][0-9]_[0-9].png"):
        stale.unlink()
    names = []
    for index in indices:
        names.append(f"{index:04d}_{labels[index]}.png")
        Image.fromarray(pixels[index], mode="L").save(
            folder / names[-1], optimize=True)
    return names


def read_png(path):
    """Decode a PNG of any colour type to uint8 grayscale 8x8."""
    from PIL import Image
    with Image.open(path) as image:
        image = image.convert("L")
        if image.size != (IMAGE_SIZE, IMAGE_SIZE):
            image = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.BILINEAR)
        return np.asarray(image)


def sha256_of(path):
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_reference(path, model_path, names, logits):
    """Write the expected result of every held-out image as JSON."""
    labels = np.array([int(name[5]) for name in names])
    predicted = logits.argmax(axis=1)
    ordered = np.sort(logits, axis=1)
    correct = int((predicted == labels).sum())
    summary = {
        "model": MODEL_FILE,
        "model_sha256": sha256_of(model_path),
        "evaluation": "numpy float32",
        "input": "image",
        "output": "logits",
        "images": len(names),
        "correct": correct,
        "accuracy": round(correct / len(names), 6),
        "smallest_margin": round(
            float((ordered[:, -1] - ordered[:, -2]).min()), 6),
        "images_per_class": np.bincount(
            labels, minlength=CLASS_COUNT).tolist(),
        "correct_per_class": np.bincount(
            labels[predicted == labels], minlength=CLASS_COUNT).tolist(),
    }
    rows = [json.dumps({
        "file": f"{HELD_OUT_FOLDER}/{name}",
        "index": int(name[:4]),
        "label": int(label),
        "predicted": int(guess),
        "logits": [round(float(value), 6) for value in row],
    }) for name, label, guess, row in zip(names, labels, predicted, logits)]
    head = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}"
                      for key, value in summary.items())
    body = ",\n".join(f"    {row}" for row in rows)
    path.write_text(f'{{\n{head},\n  "results": [\n{body}\n  ]\n}}\n',
                    encoding="utf-8")
    return summary


# --------------------------------------------------------------------------
# Independent evaluation of the exported file
# --------------------------------------------------------------------------

class OnnxEvaluator:
    """Evaluate the few ONNX operators of this model with numpy.

    storage is the type that weights and activations are rounded to after
    each node; the arithmetic itself is done in compute.  float16 storage
    with float32 arithmetic imitates a half-precision inference engine.
    """

    def __init__(self, path, storage=np.float32, compute=np.float32):
        """Load the model file."""
        import onnx
        from onnx import numpy_helper
        self.model = onnx.load(str(path))
        onnx.checker.check_model(self.model, full_check=True)
        self.storage, self.compute = storage, compute
        self.constants = {tensor.name: numpy_helper.to_array(tensor)
                          for tensor in self.model.graph.initializer}
        self.largest = {}

    def run(self, image):
        """Return the graph's first output for one input batch."""
        from onnx import helper
        graph = self.model.graph
        values = dict(self.constants)
        values[graph.input[0].name] = image
        for node in graph.node:
            attributes = {item.name: helper.get_attribute_value(item)
                          for item in node.attribute}
            inputs = [values[name].astype(self.storage).astype(self.compute)
                      for name in node.input]
            operator = getattr(self, f"op_{node.op_type.lower()}", None)
            if operator is None:
                raise NotImplementedError(f"operator {node.op_type}")
            result = operator(inputs, attributes)
            self.largest[node.name] = float(np.abs(result).max())
            values[node.output[0]] = result.astype(self.storage)
        return values[graph.output[0].name]

    @staticmethod
    def op_conv(inputs, attributes):
        """Cross-correlation with explicit padding, one group."""
        x, weight = inputs[:2]
        if attributes["group"] != 1 or set(attributes["dilations"]) != {1}:
            raise NotImplementedError("grouped or dilated convolution")
        top, left, bottom, right = attributes["pads"]
        step_y, step_x = attributes["strides"]
        x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
        windows = np.lib.stride_tricks.sliding_window_view(
            x, attributes["kernel_shape"], axis=(2, 3))
        windows = windows[:, :, ::step_y, ::step_x]
        y = np.tensordot(windows, weight, axes=((1, 4, 5), (1, 2, 3)))
        y = y.transpose(0, 3, 1, 2)
        return y if len(inputs) == 2 else y + inputs[2][:, None, None]

    def op_batchnormalization(self, inputs, attributes):
        """Inference form, literally as the ONNX text defines it."""
        x, scale, bias, mean, variance = (
            inputs[0], *(item[:, None, None] for item in inputs[1:]))
        epsilon = self.compute(attributes["epsilon"])
        return (x - mean) / np.sqrt(variance + epsilon) * scale + bias

    @staticmethod
    def op_relu(inputs, _):
        """max(x, 0)."""
        return np.where(inputs[0] > 0, inputs[0], 0)

    @staticmethod
    def op_maxpool(inputs, attributes):
        """Maximum over windows, no padding."""
        windows = np.lib.stride_tricks.sliding_window_view(
            inputs[0], attributes["kernel_shape"], axis=(2, 3))
        step_y, step_x = attributes["strides"]
        return windows[:, :, ::step_y, ::step_x].max(axis=(4, 5))

    @staticmethod
    def op_globalaveragepool(inputs, _):
        """Mean over height and width, which stay as axes of size one."""
        return inputs[0].mean(axis=(2, 3), keepdims=True)

    @staticmethod
    def op_flatten(inputs, attributes):
        """Merge the axes before and from axis on."""
        shape = inputs[0].shape
        rows = int(np.prod(shape[:attributes["axis"]]))
        return inputs[0].reshape(rows, -1)

    @staticmethod
    def op_gemm(inputs, attributes):
        """alpha * A' B' + beta * C."""
        a, b, c = inputs
        a = a.T if attributes.get("transA", 0) else a
        b = b.T if attributes.get("transB", 0) else b
        return attributes["alpha"] * (a @ b) + attributes["beta"] * c


def largest_folded_value(evaluator):
    """Return the largest weight or bias once batch norm is folded in."""
    largest = 0.0
    constants = evaluator.constants
    for node in evaluator.model.graph.node:
        if node.op_type == "BatchNormalization":
            scale, bias, mean, variance = (
                constants[name].astype(np.float64) for name in node.input[1:])
            weight = constants[node.name.replace("bn", "conv") + ".weight"]
            factor = scale / np.sqrt(variance + BATCH_NORM_EPSILON)
            folded = weight * factor[:, None, None, None]
            largest = max(largest, np.abs(folded).max(),
                          np.abs(bias - mean * factor).max())
    return float(largest)


def verify(folder):
    """Check the exported files against each other; return an exit status."""
    for name in (REFERENCE_FILE, MODEL_FILE, LABELS_FILE):
        if not (folder / name).is_file():
            print(f"FAILED  {name} is missing")
            return 1
    reference = json.loads(
        (folder / REFERENCE_FILE).read_text(encoding="utf-8"))
    results = reference["results"]
    model_path = folder / MODEL_FILE
    problems = []

    def check(good, text):
        print(f"{'ok    ' if good else 'FAILED'}  {text}")
        if not good:
            problems.append(text)

    check(sha256_of(model_path) == reference["model_sha256"],
          f"{MODEL_FILE} is the file the reference was made from")
    names = sorted(item.name for item in
                   (folder / HELD_OUT_FOLDER).glob("*.png"))
    check([f"{HELD_OUT_FOLDER}/{name}" for name in names]
          == [row["file"] for row in results],
          f"{HELD_OUT_FOLDER} holds the {len(results)} images listed")
    if problems:
        return 1
    class_names = (folder / LABELS_FILE).read_text(encoding="utf-8").split()
    check(len(class_names) == CLASS_COUNT, f"{LABELS_FILE} has "
          f"{CLASS_COUNT} lines")

    image = to_input(np.stack([read_png(folder / row["file"])
                               for row in results]))
    labels = np.array([row["label"] for row in results])
    expected = np.array([row["logits"] for row in results])

    single = OnnxEvaluator(model_path)
    logits = single.run(image)
    difference = np.abs(logits - expected).max()
    check(difference < 1e-4, "float32 evaluation matches the reference "
          f"(largest difference {difference:.1e})")
    correct = int((logits.argmax(axis=1) == labels).sum())
    check(correct == reference["correct"],
          f"{correct} of {len(labels)} images correct "
          f"({100 * correct / len(labels):.2f} %)")
    alone = np.concatenate([single.run(image[i:i + 1]) for i in range(10)])
    difference = np.abs(alone - logits[:10]).max()
    check(difference < 1e-4, "batches of one give the same "
          f"(largest difference {difference:.1e})")

    double = OnnxEvaluator(model_path, np.float64, np.float64).run(image)
    difference = np.abs(double - expected).max()
    check(difference < 1e-4, "float64 evaluation matches the reference "
          f"(largest difference {difference:.1e})")
    half = OnnxEvaluator(model_path, np.float16, np.float32).run(image)
    difference = np.abs(half.astype(np.float64) - expected).max()
    same = int((half.argmax(axis=1) == expected.argmax(axis=1)).sum())
    check(same == len(labels), f"float16 storage predicts the same class for "
          f"{same} of {len(labels)} (largest difference {difference:.1e})")
    print(f"        smallest margin {reference['smallest_margin']:.3f}, "
          f"largest activation {max(single.largest.values()):.1f}, "
          f"largest folded weight or bias {largest_folded_value(single):.2f}")
    return 1 if problems else 0


# --------------------------------------------------------------------------
# Command line
# --------------------------------------------------------------------------

def train_and_export(options):
    """Train on the training part, write every file, then verify them."""
    pixels, labels = load_pixels()
    training, held_out = split_indices(labels, options.seed)
    print(f"{len(training)} images to train on, {len(held_out)} held out")
    images = to_input(pixels)[:, 0]
    network = train(images[training], labels[training], options, options.seed)

    # The held-out images are looked at here for the first time.
    logits = network.predict(images[held_out])
    accuracy = accuracy_of(logits, labels[held_out])
    print(f"held-out accuracy {100 * accuracy:.2f} %")

    folder = options.output_dir
    folder.mkdir(parents=True, exist_ok=True)
    class_names = [str(digit) for digit in range(CLASS_COUNT)]
    (folder / LABELS_FILE).write_text("\n".join(class_names) + "\n",
                                      encoding="utf-8")
    names = write_held_out(folder / HELD_OUT_FOLDER, pixels, labels, held_out)
    model_path = folder / MODEL_FILE
    export_onnx(network, model_path, {
        "labels": ",".join(class_names),
        "input_layout": "NCHW",
        "input_color": "grayscale",
        "input_scale": repr(1 / 255),
        "input_mean": "0",
        "input_std": "1",
        "accuracy_held_out": f"{accuracy:.6f}",
        "images_held_out": str(len(held_out)),
        "images_training": str(len(training)),
        "data": "Optical Recognition of Handwritten Digits, E. Alpaydin and "
                "C. Kaynak, UCI Machine Learning Repository, CC BY 4.0",
    })

    decoded = np.stack([read_png(folder / HELD_OUT_FOLDER / name)
                        for name in names])
    if not np.array_equal(decoded, pixels[held_out]):
        raise RuntimeError("the PNG files do not hold the original pixels")
    exported = OnnxEvaluator(model_path).run(to_input(decoded))
    difference = float(np.abs(exported - logits).max())
    print(f"exported file against the trained network: largest difference "
          f"{difference:.1e}")
    if difference > 1e-4:
        raise RuntimeError("the exported file computes something else")
    write_reference(folder / REFERENCE_FILE, model_path, names, exported)
    return verify(folder)


def parse_arguments(arguments):
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train the sample digit classifier with numpy and export "
                    "it as ONNX,\nwith its held-out images and the expected "
                    "logits.",
        epilog="example:\n"
               "  python3 train_digits.py --output-dir /tmp/digits\n"
               "  python3 train_digits.py --verify --output-dir /tmp/digits\n",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--verify", action="store_true",
                      help="train nothing; check the files of an earlier run")
    mode.add_argument("--cross-validate", type=int, metavar="K", default=0,
                      help="write nothing; K-fold cross-validation inside "
                           "the training part")
    parser.add_argument("--output-dir", type=Path, metavar="DIR",
                        default=Path(__file__).resolve().parent,
                        help="folder of the files (default: the folder of "
                             "this script)")

    def setting(name, kind, default, text):
        parser.add_argument(name, type=kind, default=default, metavar="N",
                            help=f"{text} (default: %(default)s)")

    setting("--seed", int, 20,
            "seed of the split, the weights and the distortions")
    setting("--epochs", int, 60, "passes over the training images")
    setting("--batch-size", int, 64, "images per step")
    setting("--learning-rate", float, 3e-3, "peak learning rate")
    setting("--weight-decay", float, 0.02, "decoupled weight decay")
    setting("--label-smoothing", float, 0.05,
            "probability mass spread over all classes")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Run the chosen mode; return the exit status."""
    options = parse_arguments(arguments)
    if options.verify:
        return verify(options.output_dir)
    if options.cross_validate:
        return cross_validate(options)
    return train_and_export(options)


if __name__ == "__main__":
    sys.exit(main())
