#!/usr/bin/env python3
"""troupe tokenize: ids and pieces of a text, from the vocabulary inside a GGUF file."""

import struct
import unittest

from harness import cli_test

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
FORMATS = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}


def string(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(kind, given):
    if isinstance(given, list):
        return struct.pack("<IQ", kind, len(given)) + b"".join(value(kind, one) for one in given)
    return string(given) if kind == STRING else struct.pack(FORMATS[kind], given)


def gguf(entries):
    """A file with metadata and no tensors."""
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries))
    for key, (kind, given) in entries.items():
        out += string(key) + struct.pack("<I", ARRAY if isinstance(given, list) else kind) + value(kind, given)
    return out


PIECES = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + ["▁a", "ab", "▁", "a", "b", "<|end|>"]
VOCABULARY = {
    "general.architecture": (STRING, "llama"),
    "tokenizer.ggml.model": (STRING, "llama"),
    "tokenizer.ggml.tokens": (STRING, PIECES),
    "tokenizer.ggml.scores": (F32, [-float(i) for i in range(len(PIECES))]),
    "tokenizer.ggml.token_type": (I32, [2, 3, 3] + [6] * 256 + [1] * 5 + [3]),
}


class tokenize_test(cli_test):
    def model(self, name="model.gguf", **changes):
        path = self.folder / name
        path.write_bytes(gguf({**VOCABULARY, **changes}))
        return path

    def test_ids_and_pieces(self):
        answer = self.troupe_json("tokenize", self.model(), "--text", "ab a<|end|>é")
        self.assertEqual(answer["pieces"], ["<s>", " a", "b", " a", "<|end|>", " ", "\ufffd", "\ufffd"])
        self.assertEqual(answer["tokens"], [1, 259, 263, 259, 264, 261, 3 + 0xC3, 3 + 0xA9])

    def test_without_the_first_token(self):
        answer = self.troupe_json("tokenize", self.model(), "--text", "a", "--no-bos")
        self.assertEqual(answer, {"tokens": [259], "pieces": [" a"]})
        self.assertEqual(self.troupe_json("tokenize", self.model(), "--text", "", "--no-bos")["tokens"], [])

    def test_the_same_from_a_file(self):
        text = self.folder / "text.txt"
        text.write_bytes(b"a\nb\xff")
        answer = self.troupe_json("tokenize", self.model(), "--text-file", text)
        self.assertEqual(answer["tokens"], [1, 259, 3 + 0x0A, 263, 3 + 0xFF])

    def test_people_see_one_line_for_each(self):
        lines = self.troupe("tokenize", self.model(), "--text", "a\n").out.splitlines()
        self.assertEqual([line.split() for line in lines[1:]], [["1", '"<s>"'], ["259", '"', 'a"'], ["13", '"\\n"']])

    def test_one_text_is_needed(self):
        self.troupe("tokenize", self.model(), code=2)
        self.troupe("tokenize", self.model(), "--text", "a", "--text-file", "b", code=2)
        self.fails("tokenize", self.model(), "--text-file", self.path("none.txt"), naming=["none.txt"])
        self.fails("tokenize", self.model(), "--text-file", self.folder, naming=[str(self.folder)])
        large = self.folder / "large.txt"
        large.write_bytes(b"a" * ((8 << 20) + 1))
        self.fails("tokenize", self.model(), "--text-file", large, naming=["large.txt"])

    def test_files_without_a_known_tokenizer_are_refused(self):
        self.fails("tokenize", self.path("none.gguf"), "--text", "a", naming=["none.gguf"])
        noise = self.folder / "noise.gguf"
        noise.write_bytes(bytes(range(256)))
        self.fails("tokenize", noise, "--text", "a", naming=["noise.gguf"])
        other = self.model(**{"tokenizer.ggml.model": (STRING, "rwkv")})
        self.fails("tokenize", other, "--text", "a", code=3, naming=["rwkv"])
        short = self.model(**{"tokenizer.ggml.scores": (F32, [0.0])})
        self.assertIn("1 scores", self.troupe_json("tokenize", short, "--text", "a", code=2)["error"]["message"])


if __name__ == "__main__":
    unittest.main()
