#!/usr/bin/env python3
"""Rules about the sources that no compiler checks. `tidy.py ROOT` prints one line for each violation,
`file:line: X is banned, use Y`, and ends with 1 if there is any.

Layers: shaders <- engine <- transport <- actors <- sample_apps; a module uses those to its left, no others."""

import pathlib
import re
import sys

LAYERS = ["shaders", "engine", "transport", "actors", "sample_apps"]
LINES_MAX = 600
# How a sample model was made: run once and kept as it was, in one piece so that it can be repeated.
LONG_ON_PURPOSE = {"sample_apps/models/train_digits.py"}
CODE = {".hpp", ".cpp"}
COUNTED = CODE | {".comp", ".glsl", ".capnp", ".py", ".sh", ".cmake", ".txt"}
COUNTED_ROOTS = LAYERS + ["tests", "scripts", "cmake"]

# Foreign headers and the one module that may know them.
FOREIGN_HEADERS = {
    "vulkan/": ("Vulkan", {"engine"}, "troupe/engine/device.hpp"),
    "utf8proc.h": ("utf8proc", {"engine"}, "troupe/engine/tokenizer.hpp"),
    "onnx/": ("ONNX", {"engine"}, "troupe/engine/onnx_import.hpp"),
    "capnp/": ("Cap'n Proto", {"transport"}, "the codecs of transport"),
    "kj/": ("Cap'n Proto", {"transport"}, "the codecs of transport"),
    "caf/": ("CAF", {"actors"}, "the facade troupe/system.hpp"),
}
FOREIGN_LIBRARIES = {
    "Vulkan::": {"engine"}, "onnx": {"engine"}, "protobuf::": {"engine"}, "utf8proc::": {"engine"},
    "CapnProto::": {"transport"}, "CAF::": {"actors"},
}

# In library code: what is written, what is banned about it, what to use.
BANNED = [
    (r"std::c(?:out|err|log)\b", "writing to the host's streams", "a callback of the host"),
    (r"(?<![\w.>])(?:std::|fmt::)?(?:printf|fprintf|puts|print|println)\s*\(", "writing to the host's streams",
     "a callback of the host"),
    (r"(?<![\w.>])(?:std::)?(?:_exit|exit|quick_exit|abort|terminate)\s*\(", "ending the host", "result<T>"),
    (r"\bcaf::infinite\b", "waiting for ever", "a deadline"),
    (r"\bstd::signal\b|(?<![\w.>])(?:signal\s*\(\s*SIG|(?:sigaction|atexit)\s*\()", "changing the host's signal handling",
     "nothing: it belongs to the program"),
    (r"(?<![\w.>])(?:std::)?s?rand\s*\(", "the C library's generator", "a seeded generator that is passed in"),
    (r"\busing\s+namespace\s+std\s*;", "using namespace std", "qualified names"),
]

# In shaders. Mesa 26.2 also executes a uniform load through a buffer reference for the round that ends its loop, beyond
# the end of the memory; and floating-point atomics add in an order that changes from run to run.
BANNED_IN_SHADERS = [
    (r"\bbuffer_reference\b|\bGL_EXT_buffer_reference\w*", "reads outside any binding", "a storage buffer"),
    (r"\bGL_EXT_shader_atomic_float\w*", "an order of additions that changes", "a fixed tree (reduce.glsl)"),
]


def without_comments_and_strings(text):
    """The same text, line for line, with comments and the contents of literals blanked."""
    def blank(match):
        found = match.group(0)
        if found.startswith(("/*", "//")):
            return re.sub(r"[^\n]", " ", found)
        return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]
    literal = r'//[^\n]*|/\*.*?\*/|(?<!include )"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])*\''
    return re.sub(literal, blank, text, flags=re.DOTALL)


def files(root, folders, endings):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and (path.suffix in endings):
                yield path.relative_to(root), path.read_text(encoding="utf-8", errors="replace")


def layer_of_header(header):
    """The module of ours that a header belongs to; nothing for foreign ones."""
    parts = header.split("/")
    if parts[0] != "troupe" or len(parts) < 2:
        return None
    return parts[1] if parts[1] in LAYERS else "actors"  # troupe/system.hpp and its like are the facade


def check_includes(root):
    for path, text in files(root, LAYERS, CODE):
        module = path.parts[0]
        public = len(path.parts) > 1 and path.parts[1] == "include"
        inner_actors = path.parts[:4] == ("actors", "include", "troupe", "actors")
        for number, line in enumerate(text.splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if not found:
                continue
            header = found.group(1)
            layer = layer_of_header(header)
            if layer and LAYERS.index(layer) > LAYERS.index(module):
                yield f"{path}:{number}: {header} in {module} is banned, use what {module} or a lower layer has"
            if public and "/detail/" in header and "detail" not in path.parts:
                yield f"{path}:{number}: {header} in a public header is banned, use it in a source"
            for prefix, (name, owners, instead) in FOREIGN_HEADERS.items():
                if not header.startswith(prefix):
                    continue
                if module not in owners:
                    yield f"{path}:{number}: {name} in {module} is banned, use {instead}"
                elif public and not (inner_actors and name == "CAF"):
                    yield f"{path}:{number}: {name} in a public header is banned, use a forward declaration or pimpl"


def check_link_lists(root):
    for module in LAYERS:
        for path in sorted((root / module).rglob("CMakeLists.txt")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                line = line.split("#")[0]
                for layer in re.findall(r"\btroupe(?:::|_)(\w+)", line):
                    if layer in LAYERS and LAYERS.index(layer) > LAYERS.index(module):
                        yield (f"{path.relative_to(root)}:{number}: troupe::{layer} in {module} is banned, "
                               "use a lower layer")
                for prefix, owners in FOREIGN_LIBRARIES.items():
                    if re.search(r"(?<![\w:])" + prefix, line) and module not in owners:
                        yield (f"{path.relative_to(root)}:{number}: {prefix.rstrip(':')} in {module} is banned, "
                               f"use it in {', '.join(sorted(owners))}")


def check_words(root):
    for path, text in files(root, LAYERS[:-1], CODE):
        for number, line in enumerate(without_comments_and_strings(text).splitlines(), 1):
            for pattern, what, instead in BANNED:
                found = re.search(pattern, line)
                if found:
                    yield f"{path}:{number}: {found.group(0).strip(' (')} ({what}) is banned, use {instead}"


def check_shaders(root):
    for path, text in files(root, ["shaders"], {".comp", ".glsl"}):
        for number, line in enumerate(without_comments_and_strings(text).splitlines(), 1):
            for pattern, what, instead in BANNED_IN_SHADERS:
                found = re.search(pattern, line)
                if found:
                    yield f"{path}:{number}: {found.group(0)} ({what}) is banned, use {instead}"


def check_lengths(root):
    for path, text in files(root, COUNTED_ROOTS, COUNTED):
        lines = text.count("\n")
        if path.as_posix() in LONG_ON_PURPOSE:
            continue
        if lines > LINES_MAX and (path.suffix != ".txt" or path.name == "CMakeLists.txt"):
            yield f"{path}:{lines}: a file of more than {LINES_MAX} lines is banned, use two"


def check_tests_are_registered(root):
    lists = "\n".join(path.read_text(encoding="utf-8") for path in (root / "tests").rglob("CMakeLists.txt"))
    registered = re.findall(r"troupe_test\(\s*([\w/]+)", lists)
    for path, _ in files(root, ["tests"], {".cpp"}):
        if path.name.endswith("_test.cpp"):
            folder = path.parent.relative_to("tests").as_posix()
            if not any(folder == name or folder.startswith(name + "/") for name in registered):
                yield f"{path}:1: a test nobody runs is banned, use troupe_test({folder}) in tests/CMakeLists.txt"


def check_finished(root):
    for path, text in files(root, COUNTED_ROOTS, COUNTED):
        for number, line in enumerate(text.splitlines(), 1):
            if "TODO" + "(now)" in line:
                yield f"{path}:{number}: unfinished work is banned, use the time to finish it"


CHECKS = [check_includes, check_link_lists, check_words, check_shaders, check_lengths, check_tests_are_registered,
          check_finished]


def violations(root):
    return [violation for check in CHECKS for violation in check(pathlib.Path(root))]


if __name__ == "__main__":
    found = violations(sys.argv[1])
    print("\n".join(found) if found else "tidy: nothing to report")
    sys.exit(1 if found else 0)
