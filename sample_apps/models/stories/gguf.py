"""Reads and writes the part of GGUF version 3 that language models in F32, F16 and Q8_0 need.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"""

import struct

import numpy as np

UINT32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
F32, F16, Q8_0 = 0, 1, 8
FILE_TYPES = {F32: 0, F16: 1, Q8_0: 7}
ALIGNMENT = 32
Q8_0_BLOCK = np.dtype([("scale", "<f2"), ("values", "i1", 32)])


def quantized(array):
    """Blocks of 32 values with one scale each: the largest magnitude becomes 127."""
    blocks = np.asarray(array, np.float32).reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1) / np.float32(127)
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    scaled = blocks * inverse[:, None]
    result = np.empty(len(blocks), Q8_0_BLOCK)
    result["scale"] = scale
    result["values"] = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))  # halves away from zero
    return result


def packed(array, kind):
    if kind == Q8_0:
        return quantized(array).tobytes()
    return np.asarray(array, "<f4" if kind == F32 else "<f2").tobytes()


def unpacked(data, kind, shape):
    if kind == Q8_0:
        blocks = np.frombuffer(data, Q8_0_BLOCK, int(np.prod(shape)) // 32)
        return (blocks["scale"].astype(np.float32)[:, None] * blocks["values"]).reshape(shape)
    return np.frombuffer(data, "<f4" if kind == F32 else "<f2", int(np.prod(shape))).astype(np.float32).reshape(shape)


def padding(size):
    return bytes(-size % ALIGNMENT)


def written_string(text):
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def written_value(kind, value):
    if kind == STRING:
        return written_string(value)
    return struct.pack("<" + SCALARS[kind], value)


def written_pair(key, kind, value):
    """A metadata pair; a list becomes an array of `kind`."""
    if isinstance(value, list):
        content = struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(written_value(kind, item) for item in value)
    else:
        content = struct.pack("<I", kind) + written_value(kind, value)
    return written_string(key) + content


def write(path, metadata, tensors):
    """metadata: (key, type, value); tensors: (name, array, type), the last axis being the fastest, as in numpy."""
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    header += b"".join(written_pair(*pair) for pair in metadata)
    data = b""
    for name, array, kind in tensors:
        dimensions = array.shape[::-1]
        header += written_string(name) + struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
        header += struct.pack("<IQ", kind, len(data))
        content = packed(array, kind)
        data += content + padding(len(content))
    with open(path, "wb") as file:
        file.write(header + padding(len(header)) + data)


class Reader:
    """A file's `metadata` (key to value) and `tensors` (name to float32 array)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.at = 0
        if self.take("4s") != b"GGUF" or self.take("I") != 3:
            raise ValueError(f"{path} is not a GGUF file of version 3")
        tensor_count, pair_count = self.take("Q"), self.take("Q")
        self.metadata = {}
        for _ in range(pair_count):
            key = self.string()
            self.metadata[key] = self.value(self.take("I"))
        places = []
        for _ in range(tensor_count):
            name = self.string()
            shape = [self.take("Q") for _ in range(self.take("I"))][::-1]
            places.append((name, shape, self.take("I"), self.take("Q")))
        start = self.at + len(padding(self.at))
        self.tensors = {name: unpacked(self.data[start + offset:], kind, shape)
                        for name, shape, kind, offset in places}

    def take(self, code):
        value, = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def string(self):
        return self.take(f"{self.take('Q')}s").decode("utf-8")

    def value(self, kind):
        if kind == ARRAY:
            kind, count = self.take("I"), self.take("Q")
            return [self.value(kind) for _ in range(count)]
        return self.string() if kind == STRING else self.take(SCALARS[kind])
