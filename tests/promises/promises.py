#!/usr/bin/env python3
"""What Troupe promises, each line with whether its tests passed in the last run.

  promises.py RESULTS.xml [--output FILE]   RESULTS.xml is what `ctest --output-junit` wrote
  promises.py --names FILE                  FILE has a test's name on each line: fails when a promise names none of them
"""
import argparse
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

SOURCE = pathlib.Path(__file__).with_name("promises.txt")


def key(name):
    """Test names without the space behind their folder, which some versions of CMake drop."""
    return re.sub(r"^(\w+):\s+", r"\1:", name.strip())


def read_promises(text):
    """[(heading, [(promise, [test])])]"""
    chapters = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("== "):
            chapters.append((line[3:].strip(), []))
        elif not chapters:
            sys.exit(f"{SOURCE.name}:{number}: a promise before the first heading")
        elif line.startswith("  "):
            if not chapters[-1][1]:
                sys.exit(f"{SOURCE.name}:{number}: a test before the first promise of its chapter")
            chapters[-1][1][-1][1].append(line.strip())
        else:
            chapters[-1][1].append((line.strip(), []))
    for _, promises in chapters:
        for promise, tests in promises:
            if not tests:
                sys.exit(f"{SOURCE.name}: nothing proves: {promise}")
    return chapters


def passed_tests(results):
    """Names of the tests that ran and passed; a skipped one has proved nothing."""
    return {
        key(case.get("name"))
        for case in xml.parse(results).getroot().iter("testcase")
        if case.get("status") == "run" and case.find("failure") is None and case.find("skipped") is None
    }


def render(chapters, passed):
    out = ["# Promises", "",
           "Made by `tests/promises/promises.py` from what the tests said: a promise is proven when every one of its tests passed when",
           "it ran last. Letters in brackets name faults and invariants.", ""]
    open_promises = 0
    for heading, promises in chapters:
        out += [f"## {heading}", "", "| | Promise | Tests |", "|---|---|---|"]
        for promise, tests in promises:
            missing = [test for test in tests if key(test) not in passed]
            open_promises += bool(missing)
            state = "**not proven**" if missing else "proven"
            shown = "; ".join(f"**{test}**" if test in missing else test for test in tests)
            out.append(f"| {state} | {promise} | {shown} |")
        out.append("")
    return "\n".join(out), open_promises


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", help="what ctest --output-junit wrote")
    parser.add_argument("--output", default="-", help="where the page goes (default: standard output)")
    parser.add_argument("--names", help="a file with the names of all tests")
    options = parser.parse_args()
    chapters = read_promises(SOURCE.read_text())
    count = sum(len(promises) for _, promises in chapters)
    if options.names:
        known = {key(line) for line in pathlib.Path(options.names).read_text().splitlines()}
        unknown = [test for _, promises in chapters for _, tests in promises for test in tests if key(test) not in known]
        for test in unknown:
            print(f"{SOURCE.name}: there is no test named: {test}", file=sys.stderr)
        return 1 if unknown else 0
    if not options.results:
        parser.error("RESULTS.xml is missing")
    page, open_promises = render(chapters, passed_tests(options.results))
    if options.output == "-":
        print(page)
    else:
        pathlib.Path(options.output).write_text(page)
    print(f"promises: {count - open_promises} of {count} proven", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
