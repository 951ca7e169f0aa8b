#!/usr/bin/env python3
"""Every promise names tests that exist, and one whose test failed, was skipped or did not run is not proven.

  promises_test.py BUILD_FOLDER
"""
import pathlib
import re
import subprocess
import sys
import tempfile

import promises

# From a folder of its own: ctest would take away the log of the run that this is part of.
with tempfile.TemporaryDirectory() as folder:
    pathlib.Path(folder, "CTestTestfile.cmake").write_text(f'subdirs("{pathlib.Path(sys.argv[1]).resolve()}")\n')
    listed = subprocess.run(["ctest", "--test-dir", folder, "-N"], capture_output=True, text=True, check=True, timeout=120)
names = re.findall(r"^ *Test +#\d+: (.*)$", listed.stdout, re.MULTILINE)
assert len(names) > 100, f"ctest lists only {len(names)} tests"

with tempfile.TemporaryDirectory() as folder:
    known = pathlib.Path(folder, "names")
    known.write_text("\n".join(names))
    checker = pathlib.Path(__file__).with_name("promises.py")
    outcome = subprocess.run([sys.executable, checker, "--names", known], timeout=60)
    assert outcome.returncode == 0, "a promise names a test that does not exist"
    known.write_text("\n".join(names[:1]))
    outcome = subprocess.run([sys.executable, checker, "--names", known], stderr=subprocess.DEVNULL, timeout=60)
    assert outcome.returncode == 1, "tests that do not exist were not noticed"

    results = pathlib.Path(folder, "results.xml")
    results.write_text("""<testsuite>
      <testcase name="a: passed" status="run"/>
      <testcase name="a: failed" status="fail"><failure message="no"/></testcase>
      <testcase name="a: skipped" status="notrun"><skipped message="no"/></testcase>
    </testsuite>""")
    passed = promises.passed_tests(results)
    assert passed == {"a:passed"}, passed
    chapters = promises.read_promises("""== One
Kept.
  a: passed
Broken.
  a: passed
  a: failed
Skipped.
  a: skipped
Gone.
  a: gone
""")
    page, open_promises = promises.render(chapters, passed)
    assert open_promises == 3, page
    assert "| proven | Kept." in page and page.count("**not proven**") == 3, page
