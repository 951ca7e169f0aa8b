#!/usr/bin/env python3
"""troupe chaos: its catalogue, its schedules, and real processes that survive them."""

import unittest
import xml.etree.ElementTree

from harness import cli_test


class chaos_test(cli_test):
    REAL = ("chaos", "--real", "--device", "reference", "--tokens", "24")

    def test_the_list_has_every_kind_once(self):
        listed = self.troupe_json("chaos", "--list")["faults"]
        self.assertGreaterEqual(len({each["id"] for each in listed}), 50)
        self.assertTrue(all(each["simulated"] or each["real"] for each in listed))
        self.assertIn("P1.kill", self.troupe("chaos", "--list").out)

    def test_a_seed_shows_the_same_schedules_again(self):
        first = self.troupe(*self.REAL, "--seed", "7", "--runs", "3", "--show").out
        self.assertEqual(first, self.troupe(*self.REAL, "--seed", "7", "--runs", "3", "--show").out)
        one = self.troupe(*self.REAL, "--replay", "8", "--show").out
        self.assertIn(one.split("\n", 1)[1].strip(), first)

    def test_a_scenario_with_a_mistake_is_refused_with_its_line(self):
        scenario = self.folder / "wrong.txt"
        scenario.write_text("nodes 2\nat 5ms node 0 P1.boil for 1s\n")
        self.fails("chaos", "--real", "--scenario", scenario, naming=["wrong.txt", "line 2", "P1.boil"])
        self.fails("chaos", "--real", "--scenario", self.path("none.txt"), naming=["none.txt"])
        self.fails("chaos", "--real", "--kinds", "P1.boil", naming=["P1.boil"])

    def test_a_process_is_killed_as_the_scenario_says_and_the_outcome_can_be_read(self):
        scenario, junit = self.folder / "kill.txt", self.folder / "chaos.xml"
        scenario.write_text("nodes 2\ntokens 24\nat token 5 node 1 P1.kill for 200ms\n")
        answer = self.troupe_json("chaos", "--real", "--device", "reference", "--scenario", scenario, "--junit", junit)
        self.assertEqual((answer["runs"], answer["failed"], answer["answers"]), (1, 0, 24))
        self.assertEqual(answer["kinds"]["P1.kill"], {"drawn": 1, "armed": 1, "fired": 1})
        suite = xml.etree.ElementTree.parse(junit).getroot()
        self.assertEqual((suite.tag, suite.get("tests"), suite.get("failures")), ("testsuite", "1", "0"))
        self.assertEqual(len(suite.findall("testcase")), 1)

    def test_the_runs_of_one_scenario_have_names_of_their_own(self):
        scenario, junit = self.folder / "twice.txt", self.folder / "chaos.xml"
        scenario.write_text("nodes 1\ntokens 2\n")
        self.troupe("chaos", "--real", "--device", "reference", "--scenario", scenario, "--runs", "2", "--junit", junit)
        cases = xml.etree.ElementTree.parse(junit).getroot().findall("testcase")
        self.assertEqual(len({each.get("name") for each in cases}), 2)

    def test_a_violation_is_a_failure_with_its_scenario(self):
        # Nobody reads answers until the deadline is over: the request cannot end well.
        scenario, junit = self.folder / "late.txt", self.folder / "chaos.xml"
        scenario.write_text("nodes 2\ntokens 24\ndeadline 10s\nat token 5 cluster C2.slow_reader for 60s\n")
        failed = self.fails("chaos", "--real", "--device", "reference", "--scenario", scenario, "--junit", junit,
                            "--no-shrink", code=1, naming=["1 of 1"])
        self.assertIn("I1", failed.out)
        self.assertIn("C2.slow_reader", failed.out)
        suite = xml.etree.ElementTree.parse(junit).getroot()
        self.assertEqual(suite.get("failures"), "1")
        self.assertIn("C2.slow_reader", suite.find("testcase/failure").text)


if __name__ == "__main__":
    unittest.main()
