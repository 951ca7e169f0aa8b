#!/usr/bin/env python3
"""troupe classify: pictures in, classes out, with what the model's metadata and the user say about preprocessing."""

import json
import shutil
import struct
import unittest
import zlib

import numpy
from onnx import helper

from harness import FLOAT, MODELS, cli_test


def write_png(path, pixels):
    """Grey [h, w] or RGB [h, w, 3] uint8 as PNG."""
    height, width = pixels.shape[:2]
    colour = 0 if pixels.ndim == 2 else 2
    rows = b"".join(b"\0" + pixels[y].tobytes() for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class digits_test(cli_test):
    model = MODELS / "digits.onnx"
    pictures = MODELS / "held_out"

    def test_the_held_out_digits_are_recognised(self):
        answer = self.troupe_json("classify", self.model, self.pictures, "--expect-from-name", "--device", "reference")
        self.assertEqual(answer["count"], len(list(self.pictures.glob("*.png"))))
        self.assertGreater(answer["accuracy"], 0.98)
        self.assertEqual(answer["correct"], sum(image["correct"] for image in answer["images"]))
        reference = json.loads((MODELS / "digits_reference.json").read_text())
        self.assertAlmostEqual(answer["accuracy"], reference["accuracy"], delta=0.006)

    def test_batches_and_shards_change_no_answer(self):
        some = sorted(self.pictures.glob("*.png"))[:21]
        for placement in self.exact_placements():
            answers = []
            for arguments in [("--batch", "1"), ("--batch", "8", "--shards", "2"), ("--batch", "64"), ()]:
                answer = self.troupe_json("classify", self.model, *some, *placement, *arguments)
                answers.append([(image["file"], image["top"]) for image in answer["images"]])
            for other in answers[1:]:
                self.assertEqual(other, answers[0], placement)

    def test_text_has_a_line_for_each_class_and_the_accuracy(self):
        one = next(self.pictures.glob("*_4.png"))
        text = self.troupe("classify", self.model, one, "--top", "2", "--expect-from-name", "--device", "reference").out
        self.assertIn(str(one), text)
        self.assertIn("of 1 right", text)

    def test_probabilities_are_a_distribution(self):
        one = next(self.pictures.glob("*_4.png"))
        answer = self.troupe_json("classify", self.model, one, "--top", "10", "--device", "reference")
        self.assertAlmostEqual(sum(c["probability"] for c in answer["images"][0]["top"]), 1, places=4)

    def test_labels_come_from_a_file_when_given(self):
        labels = self.path("labels.txt")
        with open(labels, "w", encoding="utf-8") as file:
            file.write("\n".join(f"digit {i}" for i in range(10)) + "\n")
        one = next(self.pictures.glob("*_4.png"))
        answer = self.troupe_json("classify", self.model, one, "--labels", labels, "--device", "reference")
        self.assertEqual(answer["images"][0]["label"], "digit 4")
        self.fails("classify", self.model, one, "--labels", self.path("none.txt"), naming=["none.txt"])

    def test_what_is_no_picture_is_named(self):
        noise = self.path("noise.png")
        with open(noise, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\nnothing of the kind")
        self.fails("classify", self.model, noise, "--device", "reference", naming=["noise.png"])
        self.fails("classify", self.model, self.path("none.png"), "--device", "reference", naming=["none.png"])

    def test_a_folder_without_pictures_is_refused(self):
        self.fails("classify", self.model, self.folder, "--device", "reference", naming=["no pictures"])

    def test_a_folder_means_the_pictures_in_it(self):
        for name in ["b_1.png", "a_0.png"]:
            shutil.copy(next(self.pictures.glob(f"*_{name[2]}.png")), self.path(name))
        self.save_array("not_a_picture.npy", numpy.zeros(1))
        answer = self.troupe_json("classify", self.model, self.folder, "--device", "reference")
        self.assertEqual([image["file"] for image in answer["images"]], [self.path("a_0.png"), self.path("b_1.png")])


class preprocessing_test(cli_test):
    """Models that return what they are given, so that preprocessing itself can be seen."""

    def mean_colour(self, dims, axes, metadata=None):
        return self.save_model("mean.onnx", [helper.make_node("ReduceMean", ["x"], ["y"], axes=axes, keepdims=0)],
                               [("x", FLOAT, dims)], [("y", FLOAT, [dims[0], 3])], metadata=metadata)

    def setUp(self):
        super().setUp()
        # Red 51, green 102, blue 102: mean colours that, scaled by 1/255, are the distribution 0.2, 0.4, 0.4.
        pixels = numpy.empty((6, 5, 3), dtype=numpy.uint8)
        pixels[:] = [51, 102, 102]
        write_png(self.path("flat.png"), pixels)

    def top(self, model, *arguments):
        answer = self.troupe_json("classify", model, self.path("flat.png"), "--device", "reference", "--storage", "f32",
                                  *arguments)
        found = sorted((c["class"], c["probability"]) for c in answer["images"][0]["top"])
        return [probability for _, probability in found]

    def test_both_layouts_are_recognised_from_the_declared_shape(self):
        for dims, axes in [(["n", 3, 4, 4], [2, 3]), (["n", 4, 4, 3], [1, 2])]:
            with self.subTest(dims):
                numpy.testing.assert_allclose(self.top(self.mean_colour(dims, axes)), [0.2, 0.4, 0.4], atol=1e-3)

    def test_an_ambiguous_layout_must_be_said(self):
        model = self.mean_colour(["n", 3, 4, 3], [2, 3])
        self.fails("classify", model, self.path("flat.png"), "--device", "reference", naming=["--layout"])
        self.top(model, "--layout", "NCHW")

    def test_an_open_size_must_be_said(self):
        model = self.mean_colour(["n", 3, "h", "w"], [2, 3])
        self.fails("classify", model, self.path("flat.png"), "--device", "reference", naming=["--size"])
        numpy.testing.assert_allclose(self.top(model, "--size", "7x9"), [0.2, 0.4, 0.4], atol=1e-3)
        self.fails("classify", model, self.path("flat.png"), "--device", "reference", "--size", "7by9", naming=["7by9"])

    def test_mean_and_deviation_apply_to_each_channel(self):
        model = self.mean_colour(["n", 3, 4, 4], [2, 3])
        found = self.top(model, "--mean", "0.1,0.2,0.3", "--std", "0.5,1,2")
        scores = numpy.array([0.1 / 0.5, 0.2, 0.1 / 2])
        numpy.testing.assert_allclose(found, numpy.exp(scores) / numpy.exp(scores).sum(), atol=1e-3)
        self.fails("classify", model, self.path("flat.png"), "--device", "reference", "--mean", "1,2",
                   naming=["--mean", "3"])

    def test_metadata_speaks_unless_the_user_does(self):
        model = self.mean_colour(["n", 3, 4, 4], [2, 3],
                                 {"input_scale": "0.01", "input_mean": "0,0,1", "labels": "r,g,b"})
        scores = numpy.array([0.51, 1.02, 0.02])
        numpy.testing.assert_allclose(self.top(model), numpy.exp(scores) / numpy.exp(scores).sum(), atol=1e-3)
        scores = numpy.array([51, 102, 102]) / 255
        numpy.testing.assert_allclose(self.top(model, "--scale", str(1 / 255), "--mean", "0"), scores, atol=1e-3)

    def test_a_fixed_batch_is_filled_up(self):
        model = self.mean_colour([4, 3, 4, 4], [2, 3])
        for count in (1, 4, 5):
            with self.subTest(count):
                answer = self.troupe_json("classify", model, *[self.path("flat.png")] * count, "--device", "reference")
                self.assertEqual(answer["count"], count)
                self.assertEqual(len({str(image["top"]) for image in answer["images"]}), 1)
        self.fails("classify", model, self.path("flat.png"), "--device", "reference", "--batch", "2", naming=["2", "4"])

    def test_a_model_without_pictures_is_refused(self):
        model = self.save_model("flat.onnx", [helper.make_node("Relu", ["x"], ["y"])], [("x", FLOAT, ["n", 8])],
                                [("y", FLOAT, ["n", 8])])
        self.fails("classify", model, self.path("flat.png"), "--device", "reference", naming=['"x"', "pictures"])


if __name__ == "__main__":
    unittest.main()
