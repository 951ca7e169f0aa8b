#!/usr/bin/env python3
"""The kernels of shaders/cooperative, whose GLSL Debian 12's glslc does not know, as SPIR-V text that its spirv-as
assembles: `cooperative_kernels.py` makes the text anew (needs the glslc, spirv-dis and spirv-val of Debian 13 or later on the
path), `cooperative_kernels.py --check` tells whether it belongs to its source, and remakes it where the tools are those
that made it.

The text is what spirv-dis prints, without source lines. spirv-as before 2023.4 does not know SPV_KHR_cooperative_matrix:
its instructions are written as words (`!0x...`), with the instruction itself in a comment behind them. The text's first lines
hold the SHA-256 of its source with all that it includes, comments and white space apart."""

import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile

SHADERS = pathlib.Path(__file__).resolve().parent.parent / "shaders"
INCLUDE = SHADERS / "include"
DEFINES = ["-DTROUPE_STORAGE_F16=1"]
CAPABILITY = ("CooperativeMatrixKHR", 6022)
# Opcodes of the extension, and the values of names that appear among their operands.
OPCODES = {"OpTypeCooperativeMatrixKHR": 4456, "OpCooperativeMatrixLoadKHR": 4457, "OpCooperativeMatrixStoreKHR": 4458,
           "OpCooperativeMatrixMulAddKHR": 4459, "OpCooperativeMatrixLengthKHR": 4460}
MEMORY_OPERANDS = {"None": 0, "MakePointerAvailable": 0x8, "MakePointerVisible": 0x10, "NonPrivatePointer": 0x20}
DROPPED = ("OpSource", "OpString", "OpLine", "OpNoLine", "OpModuleProcessed")


def source_text(path, seen):
    """The source with its includes in place, without comments and needless white space: what decides the SPIR-V."""
    if path in seen:
        return ""  # every include is guarded
    seen.add(path)
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = []
    for line in text.splitlines():
        included = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        lines.append(source_text(INCLUDE / included.group(1), seen) if included else " ".join(line.split()))
    return "\n".join(line for line in lines if line)


def hash_of(source):
    return hashlib.sha256(source_text(source, set()).encode()).hexdigest()


def tools():
    """What would make the text here, in one line; empty when the compiler does not know the language."""
    try:
        printed = subprocess.run(["glslc", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    found = re.findall(r"^(glslang|spirv-tools) +(\S+)", printed, flags=re.MULTILINE)
    major = next((int(version.split(".")[0]) for name, version in found if name == "glslang"), 0)
    return ", ".join(" ".join(pair) for pair in sorted(found)) if major >= 14 else ""


def as_words(line):
    """An instruction of the extension as words; other lines as they are."""
    found = re.match(r"\s*(?:(%\w+) = )?(\w+) ?(.*)", line)
    if not found or found.group(2) not in OPCODES:
        return line
    result, name, operands = found.group(1), found.group(2), found.group(3).split()
    if result:  # words hold the result behind its type, which is the first operand of all but a type
        operands.insert(0 if name.startswith("OpType") else 1, result)
    words = []
    for operand in operands:
        if operand.startswith("%"):
            words.append(operand)
        else:  # a mask of memory operands: the only names there are
            words.append(f"!{sum(MEMORY_OPERANDS[flag] for flag in operand.split('|')):#x}")
    first = f"!{(len(words) + 1) << 16 | OPCODES[name]:#010x}"
    # An instruction before it that may have more operands would take the words as its own; one without operands cannot.
    before = "" if name.startswith("OpType") else "               OpNop\n"
    return f"{before}               {' '.join([first] + words)}  ; {line.strip()}"


def disassembled(binary):
    return subprocess.run(["spirv-dis", "--no-color", "--no-header", binary], capture_output=True, text=True,
                          check=True).stdout


def instructions_of(binary):
    return [line.strip() for line in disassembled(binary).splitlines()]


def made_of(source, made_by):
    with tempfile.TemporaryDirectory() as folder:
        binary, text, assembled = (pathlib.Path(folder) / name for name in ("made.spv", "made.spvasm", "assembled.spv"))
        subprocess.run(["glslc", "--target-env=vulkan1.2", "-O", "-g", "-Werror", *DEFINES, f"-I{INCLUDE}",
                        "-fshader-stage=compute", "-o", binary, source], check=True)
        printed = disassembled(binary)
        kept = re.sub(r'^.*\bOp(?:Source|String)\b(?:[^"\n]|"(?:\\.|[^"\\])*")*\n', "", printed, flags=re.MULTILINE)
        lines = [line.rstrip() for line in kept.splitlines() if not line.split()[:1] or line.split()[0] not in DROPPED]
        worded = [as_words(line).replace(f"OpCapability {CAPABILITY[0]}", f"OpCapability !{CAPABILITY[1]}  ; {CAPABILITY[0]}")
                  for line in lines]
        head = [f"; {source.name}, made by scripts/cooperative_kernels.py and not by hand.",
                f"; source: {hash_of(source)}", f"; made by: {made_by}"]
        result = "\n".join(head + worded) + "\n"
        # The module is valid, and the words say what the instructions say.
        text.write_text(result, encoding="utf-8")
        subprocess.run(["spirv-as", "--target-env", "spv1.5", "--preserve-numeric-ids", "-o", assembled, text], check=True)
        subprocess.run(["spirv-val", "--target-env", "vulkan1.2", assembled], check=True)
        read_back = instructions_of(assembled)
        if [line for line in read_back if line != "OpNop"] != [line.strip() for line in lines]:
            raise SystemExit(f"the words in the text of {source.name} are not its instructions")
        return result


def problem_of(source):
    """Why the text beside a source is not its own; empty when it is."""
    text_path = source.with_suffix(".spvasm")
    if not text_path.exists():
        return f"{text_path.name} is missing; run scripts/cooperative_kernels.py"
    text = text_path.read_text(encoding="utf-8")
    head = dict(re.findall(r"^; (source|made by): (.+)$", text, flags=re.MULTILINE))
    if head.get("source") != hash_of(source):
        return f"{text_path.name} was made of another {source.name}; run scripts/cooperative_kernels.py"
    made_by = tools()
    if made_by and made_by == head.get("made by") and made_of(source, made_by) != text:
        return f"{text_path.name} is not what {made_by} make of {source.name}; run scripts/cooperative_kernels.py"
    return ""


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        print(__doc__, file=sys.stderr)
        return 2
    sources = sorted((SHADERS / "cooperative").glob("*.comp"))
    if check:
        problems = [problem for problem in map(problem_of, sources) if problem]
        print("\n".join(problems) or f"{len(sources)} texts belong to their sources")
        return 1 if problems or not sources else 0
    made_by = tools()
    if not made_by:
        print("cooperative_kernels: glslc is missing or too old (glslang before 14); use Debian 13's", file=sys.stderr)
        return 1
    for source in sources:
        source.with_suffix(".spvasm").write_text(made_of(source, made_by), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
