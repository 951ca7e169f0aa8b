#!/usr/bin/env python3
"""What `troupe inspect` says about language models in GGUF files."""

import struct
import unittest

from harness import cli_test

F32, F16, IQ2_XXS = 0, 1, 16
SIZES = {F32: (1, 4), F16: (1, 2), IQ2_XXS: (256, 66)}


def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def entry(key, value):
    """One key of metadata: a string, an integer, a float, or a list of strings."""
    if isinstance(value, str):
        return string(key) + struct.pack("<I", 8) + string(value)
    if isinstance(value, int):
        return string(key) + struct.pack("<II", 4, value)
    if isinstance(value, float):
        return string(key) + struct.pack("<If", 6, value)
    return string(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(string, value))


def gguf(metadata, tensors):
    """A file of zeros; tensors are name -> (extents, type), the length of a row last."""
    data, descriptions = b"", b""
    for name, (extents, kind) in tensors.items():
        descriptions += string(name) + struct.pack(f"<I{len(extents)}Q", len(extents), *reversed(extents))
        descriptions += struct.pack("<IQ", kind, len(data))
        elements, size = SIZES[kind]
        count = size
        for extent in extents:
            count *= extent
        data += bytes(count // elements)
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(entry(key, value) for key, value in metadata.items()) + descriptions
    return head + bytes(-len(head) % 32) + data


METADATA = {
    "general.architecture": "llama", "general.name": "tiny", "llama.context_length": 512,
    "llama.embedding_length": 64, "llama.block_count": 1, "llama.feed_forward_length": 96,
    "llama.attention.head_count": 4, "llama.attention.head_count_kv": 2,
    "llama.attention.layer_norm_rms_epsilon": 1e-5, "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2",
    "tokenizer.ggml.tokens": ["a", "b"], "tokenizer.ggml.eos_token_id": 1}
TENSORS = {
    "token_embd.weight": ([32, 64], F16), "output_norm.weight": ([64], F32), "blk.0.attn_norm.weight": ([64], F32),
    "blk.0.attn_q.weight": ([64, 64], F16), "blk.0.attn_k.weight": ([32, 64], F16),
    "blk.0.attn_v.weight": ([32, 64], F16), "blk.0.attn_output.weight": ([64, 64], F16),
    "blk.0.ffn_norm.weight": ([64], F32), "blk.0.ffn_gate.weight": ([96, 64], F16),
    "blk.0.ffn_up.weight": ([96, 64], F16), "blk.0.ffn_down.weight": ([64, 96], F16)}


class inspect_gguf_test(cli_test):
    def save(self, metadata, tensors, name="model.gguf"):
        with open(self.path(name), "wb") as file:
            file.write(gguf(metadata, tensors))
        return self.path(name)

    def test_architecture_sizes_types_and_tokenizer(self):
        answer = self.troupe_json("inspect", self.save(METADATA, TENSORS))
        self.assertEqual((answer["format"], answer["version"], answer["files"]), ("gguf", 3, 1))
        self.assertEqual((answer["name"], answer["architecture"]), ("tiny", "llama"))
        model = answer["model"]
        self.assertEqual((model["layers"], model["width"], model["heads"], model["kv_heads"], model["head_size"]),
                         (1, 64, 4, 2, 16))
        self.assertEqual((model["vocabulary"], model["context"], model["end_of_text"]), (32, 512, [1]))
        types = {line["type"]: line for line in answer["tensor_types"]}
        self.assertEqual((types["F32"]["tensors"], types["F32"]["elements"], types["F32"]["bytes"]), (3, 192, 768))
        self.assertEqual(types["F16"]["tensors"], 8)
        self.assertEqual(answer["parameters"], 192 + 32 * 64 + 2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64)
        self.assertEqual(answer["tokenizer"], {"model": "gpt2", "pre": "qwen2", "tokens": 2, "chat_template": False})
        self.assertEqual(answer["metadata"]["tokenizer.ggml.tokens"], "string[2]")
        self.assertEqual(answer["metadata"]["llama.block_count"], 1)
        self.assertTrue(answer["supported"])
        self.assertEqual(answer["unsupported"], [])

    def test_text_shows_the_same(self):
        text = self.troupe("inspect", self.save(METADATA, TENSORS)).out
        for shown in ["tiny (llama), GGUF 3", "1 layers of 64", "F16", "tokenizer: gpt2", "llama.block_count: 1"]:
            self.assertIn(shown, text)
        self.assertNotIn("not supported", text)

    def test_what_is_not_supported_is_information_here(self):
        answer = self.troupe_json("inspect", self.save({**METADATA, "general.architecture": "rwkv7"}, TENSORS))
        self.assertFalse(answer["supported"])
        self.assertIsNone(answer["model"])
        self.assertIn('"rwkv7"', answer["unsupported"][0])

        tensors = {**TENSORS, "blk.0.ffn_down.weight": ([64, 256], IQ2_XXS)}
        model = self.save(METADATA, tensors)
        self.assertEqual(self.troupe_json("inspect", model)["unsupported"], ["tensors of type IQ2_XXS"])
        self.assertIn("not supported: tensors of type IQ2_XXS", self.troupe("inspect", model).out)

        lacking = {name: tensor for name, tensor in TENSORS.items() if name != "blk.0.ffn_up.weight"}
        answer = self.troupe_json("inspect", self.save(METADATA, lacking))
        self.assertFalse(answer["supported"])
        self.assertIn("blk.0.ffn_up.weight", answer["unsupported"][0])

    def test_a_damaged_file_is_refused(self):
        whole = gguf(METADATA, TENSORS)
        for size in (4, 24, 200, len(whole) - 1):
            with self.subTest(size), open(self.path("cut.gguf"), "wb") as file:
                file.write(whole[:size])
                file.flush()
                self.fails("inspect", self.path("cut.gguf"), naming=["cut.gguf"])


if __name__ == "__main__":
    unittest.main()
