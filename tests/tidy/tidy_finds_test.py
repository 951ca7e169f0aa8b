#!/usr/bin/env python3
"""Each rule of tidy.py finds what it bans and leaves alone what it does not."""

import pathlib
import tempfile
import unittest

import tidy


class tidy_test(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.write("tests/CMakeLists.txt", "troupe_test(engine)\n")

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def found(self, path, text):
        self.write(path, text)
        return tidy.violations(self.root)

    def expect(self, path, text, line, words):
        found = self.found(path, text)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(f"{path}:{line}: "), found)
        self.assertIn(words, found[0])

    def test_a_lower_layer_must_not_include_a_higher_one(self):
        self.expect("engine/src/a.cpp", '#include "troupe/transport/link.hpp"\n', 1, "transport")
        self.assertEqual(len(self.found("transport/src/a.cpp", '\n#include "troupe/system.hpp"\n')), 2)

    def test_a_higher_layer_may_include_a_lower_one(self):
        text = '#include "troupe/engine/graph.hpp"\n#include <caf/all.hpp>\n'
        self.assertEqual(self.found("actors/src/a.cpp", text), [])

    def test_foreign_headers_stay_in_their_module(self):
        self.expect("engine/src/a.cpp", "#include <caf/all.hpp>\n", 1, "CAF")

    def test_public_headers_show_no_vulkan(self):
        self.expect("engine/include/troupe/engine/a.hpp", "#pragma once\n#include <vulkan/vulkan.h>\n", 2, "Vulkan")

    def test_headers_for_actor_authors_may_show_caf(self):
        self.assertEqual(self.found("actors/include/troupe/actors/a.hpp", "#include <caf/actor.hpp>\n"), [])
        self.expect("actors/include/troupe/a.hpp", "#include <caf/actor.hpp>\n", 1, "public header")

    def test_link_lists_follow_the_layers(self):
        self.expect("engine/CMakeLists.txt", "troupe_library(engine\n  PRIVATE troupe::actors)\n", 2, "troupe::actors")

    def test_shaders_use_bindings_and_a_fixed_order(self):
        self.expect("shaders/ops/a.comp", "#version 450\n#extension GL_EXT_buffer_reference : require\n", 2, "binding")
        self.expect("shaders/ops/a.comp", "layout(buffer_reference) buffer b { float x[]; };\n", 1, "storage buffer")
        self.expect("shaders/ops/a.comp", "#extension GL_EXT_shader_atomic_float2 : enable\n", 1, "order")
        self.assertEqual(self.found("shaders/ops/a.comp", "// no buffer_reference here\n"), [])

    def test_library_code_does_not_print_exit_or_wait_for_ever(self):
        for text in ["std::cout << 1;", 'std::printf("x");', 'fmt::print("x");', "exit(1);", "std::abort();",
                     "self->request(a, caf::infinite, 1);", "std::signal(SIGINT, f);", "int x = rand();"]:
            with self.subTest(text):
                self.expect("engine/src/a.cpp", f"\nvoid f() {{ {text} }}\n", 2, "banned")

    def test_words_in_comments_strings_and_longer_names_are_left_alone(self):
        text = ('// exit(1)\n/* abort() */ const char* a = "printf(";\nself->send_exit(b, caf::exit_reason::kill);\n'
                "std::snprintf(a, 1, b);\nstd::sort(first, last);\nlog.print(x);\n"
                "const char c = '\"'; const int n = 1'000;\n")
        self.assertEqual(self.found("engine/src/a.cpp", text), [])

    def test_programs_may_print(self):
        self.assertEqual(self.found("sample_apps/troupe/a.cpp", "void f() { std::printf(1); }\n"), [])

    def test_a_long_file_is_found(self):
        self.expect("engine/src/a.cpp", "\n" * 601, 601, "600 lines")

    def test_a_test_without_registration_is_found(self):
        self.write("tests/engine/a_test.cpp", "\n")
        self.expect("tests/orphan/b_test.cpp", "\n", 1, "troupe_test(orphan)")

    def test_unfinished_work_is_found(self):
        self.expect("engine/src/a.cpp", "// TODO" + "(now): finish\n", 1, "unfinished")


if __name__ == "__main__":
    unittest.main()
