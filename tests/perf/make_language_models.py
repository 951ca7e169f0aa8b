#!/usr/bin/env python3
"""Writes llama-shaped GGUF files with random weights, in the shapes of well-known sizes: for measuring, not for answers.

    tests/perf/make_language_models.py FOLDER [--sizes tiny,110m,1.1b] [--types F16,Q8_0,Q4_0,Q4_K] [--seed N]

Weights have mean 0 and variance 1 / columns, so that activations stay of order 1 through all layers. Blocks are drawn
rather than quantised: uniform codes, and scales that give this variance. A file is written a few rows at a time.
"""

import argparse
import itertools
import pathlib
import struct

import numpy

SHAPES = {
    "tiny": dict(layers=3, width=256, hidden=512, heads=4, kv_heads=2, vocabulary=512, tied=False),
    "110m": dict(layers=12, width=768, hidden=2048, heads=12, kv_heads=12, vocabulary=32000, tied=True),
    "1.1b": dict(layers=22, width=2048, hidden=5632, heads=32, kv_heads=4, vocabulary=32000, tied=False),
}
# The number of a type in the file, elements and bytes of a block.
TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q8_0": (8, 32, 34), "Q4_0": (2, 32, 18), "Q4_K": (12, 256, 144)}
ALIGNMENT = 32
CHUNK_BYTES = 8 << 20
U32, F32, I32, STRING, ARRAY = 4, 6, 5, 8, 9


def draw_f16(random, blocks, deviation):
    return (random.standard_normal(blocks, numpy.float32) * numpy.float32(deviation)).astype(numpy.float16)


def scales(random, blocks, size):
    """One a block, of about `size`."""
    return (random.uniform(0.8, 1.2, blocks) * size).astype(numpy.float16)


def draw_q8_0(random, blocks, deviation):
    made = numpy.empty(blocks, numpy.dtype([("scale", "<f2"), ("codes", "i1", 32)]))
    made["codes"] = random.integers(-127, 128, (blocks, 32), numpy.int8)
    made["scale"] = scales(random, blocks, deviation / 73.3)  # of integers from -127 to 127
    return made


def draw_q4_0(random, blocks, deviation):
    """An element is scale * (code - 8): code 0 is left out, so that the mean is 0."""
    made = numpy.empty(blocks, numpy.dtype([("scale", "<f2"), ("codes", "u1", 16)]))
    codes = random.integers(1, 16, (2, blocks, 16), numpy.uint8)
    made["codes"] = codes[0] | codes[1] << 4
    made["scale"] = scales(random, blocks, deviation / 4.32)  # of integers from -7 to 7
    return made


def draw_q4_k(random, blocks, deviation):
    """An element is scale * s * code - least * m with 6 bits for s and m of every 32 elements; here m = s, and least is
    7.5 scale: the mean is 0."""
    made = numpy.empty(blocks, numpy.dtype([("scale", "<f2"), ("least", "<f2"), ("parts", "u1", 12),
                                            ("codes", "u1", 128)]))
    parts = random.integers(32, 64, (blocks, 8), numpy.uint8)
    low, high = parts[:, :4], parts[:, 4:]
    made["parts"][:, 0:4] = low | high >> 4 << 6
    made["parts"][:, 4:8] = made["parts"][:, 0:4]
    made["parts"][:, 8:12] = (high & 15) | (high & 15) << 4
    made["codes"] = random.integers(0, 256, (blocks, 128), numpy.uint8)
    # The root mean square of 32 to 63, and the deviation of 0 to 15.
    made["scale"] = scales(random, blocks, deviation / (48.4 * 4.61))
    made["least"] = (made["scale"].astype(numpy.float32) * 7.5).astype(numpy.float16)
    return made


DRAW = {"F16": draw_f16, "Q8_0": draw_q8_0, "Q4_0": draw_q4_0, "Q4_K": draw_q4_k}


def pieces(count):
    """A SentencePiece vocabulary: special tokens, bytes, then short words, shorter ones first."""
    made = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    letters = "▁etaoinshrdlcumwfgypbvkjxqz"
    for length in itertools.count(1):
        for word in itertools.product(letters, repeat=length):
            if len(made) >= count:
                return made[:count]
            made.append("".join(word))


def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def entry(key, value):
    if isinstance(value, str):
        return string(key) + struct.pack("<I", STRING) + string(value)
    if isinstance(value, float):
        return string(key) + struct.pack("<If", F32, value)
    if isinstance(value, int):
        return string(key) + struct.pack("<II", U32, value)
    kind = {str: STRING, float: F32, int: I32}[type(value[0])]
    head = string(key) + struct.pack("<IIQ", ARRAY, kind, len(value))
    if kind == STRING:
        return head + b"".join(map(string, value))
    return head + numpy.array(value, "<f4" if kind == F32 else "<i4").tobytes()


def metadata(shape, name):
    words = pieces(shape["vocabulary"])
    return {
        "general.architecture": "llama",
        "general.name": name,
        "llama.context_length": 4096,
        "llama.embedding_length": shape["width"],
        "llama.block_count": shape["layers"],
        "llama.feed_forward_length": shape["hidden"],
        "llama.attention.head_count": shape["heads"],
        "llama.attention.head_count_kv": shape["kv_heads"],
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": shape["width"] // shape["heads"],
        "llama.rope.freq_base": 10000.0,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.scores": [-float(i) for i in range(len(words))],
        "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * (len(words) - 259),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }


def tensors(shape, kind):
    """(name, rows or None for a vector, columns, type) of every tensor."""
    width, hidden = shape["width"], shape["hidden"]
    kv = width // shape["heads"] * shape["kv_heads"]
    made = [("token_embd.weight", shape["vocabulary"], width, kind)]
    for layer in range(shape["layers"]):
        for name, rows, columns in (("attn_norm", None, width), ("attn_q", width, width), ("attn_k", kv, width),
                                    ("attn_v", kv, width), ("attn_output", width, width), ("ffn_norm", None, width),
                                    ("ffn_gate", hidden, width), ("ffn_up", hidden, width),
                                    ("ffn_down", width, hidden)):
            made.append((f"blk.{layer}.{name}.weight", rows, columns, kind if rows else "F32"))
    made.append(("output_norm.weight", None, width, "F32"))
    if not shape["tied"]:
        made.append(("output.weight", shape["vocabulary"], width, kind))
    return made


def size_of(rows, columns, kind):
    _, elements, size = TYPES[kind]
    assert columns % elements == 0, f"{columns} columns are not whole blocks of {kind}"
    return (rows or 1) * columns // elements * size


def aligned(size):
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def write_model(path, size, kind, seed=1):
    """Writes one file: `size` is a key of SHAPES, or a dictionary like theirs."""
    shape = SHAPES[size] if isinstance(size, str) else size
    random = numpy.random.default_rng(seed)
    entries = metadata(shape, f"random {size if isinstance(size, str) else 'llama'} {kind}")
    listed = tensors(shape, kind)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(entries))
    head += b"".join(entry(key, value) for key, value in entries.items())
    offset = 0
    for name, rows, columns, of in listed:
        extents = (columns,) if rows is None else (columns, rows)
        head += string(name) + struct.pack(f"<I{len(extents)}QIQ", len(extents), *extents, TYPES[of][0], offset)
        offset = aligned(offset + size_of(rows, columns, of))
    with open(path, "wb") as out:
        out.write(head.ljust(aligned(len(head)), b"\0"))
        for _, rows, columns, of in listed:
            write_tensor(out, random, rows, columns, of)
    return path


def write_tensor(out, random, rows, columns, kind):
    total = size_of(rows, columns, kind)
    if rows is None:
        out.write(random.uniform(0.8, 1.2, columns).astype("<f4").tobytes())
    else:
        _, elements, block_bytes = TYPES[kind]
        left = rows * columns // elements
        while left > 0:
            count = min(left, CHUNK_BYTES // block_bytes)
            out.write(DRAW[kind](random, count, columns ** -0.5).tobytes())
            left -= count
    out.write(bytes(aligned(total) - total))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--sizes", default="110m", help=f"of {','.join(SHAPES)}; 110m if not given")
    parser.add_argument("--types", default=",".join(DRAW))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for size in given.sizes.split(","):
        for kind in given.types.split(","):
            path = write_model(given.folder / f"llama-{size}.{kind}.gguf", size, kind, given.seed)
            print(f"{path} {path.stat().st_size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
