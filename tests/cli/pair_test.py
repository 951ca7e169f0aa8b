#!/usr/bin/env python3
"""troupe pair and troupe nodes: two machines, played by two state folders, learn to trust each other."""

import json
import os
import signal
import stat
import subprocess
import unittest

from harness import PROGRAM, cli_test, outcome, stop


class pair_test(cli_test):
    def host(self, state, *arguments):
        """`troupe pair` that waits, and its first line."""
        process = subprocess.Popen([PROGRAM, "pair", "--json", "--listen", "127.0.0.1:0", "--state", self.path(state),
                                    *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(stop, process)
        line = process.stdout.readline()
        self.assertTrue(line, process.stderr.read() if process.poll() is not None else "no first line")
        return process, json.loads(line)

    def ended(self, process):
        """The rest of what it said, as `troupe` gives it."""
        out, err = process.communicate(timeout=60)
        return outcome(subprocess.CompletedProcess([], process.returncode, out, err))

    def join(self, state, typed, port, *arguments, **named):
        return self.troupe("pair", typed, "--node", f"127.0.0.1:{port}", "--state", self.path(state), *arguments, **named)

    def peers(self, state):
        return self.troupe_json("pair", "--list", "--state", self.path(state))["peers"]

    def pair(self, left="left", right="right"):
        process, waiting = self.host(left, "--name", left)
        self.join(right, waiting["code"], waiting["port"], "--name", right)
        self.assertEqual(self.ended(process).code, 0)

    def wrong(self, code):
        return ("8" if code[0] == "7" else "7") + code[1:]

    def test_both_sides_keep_the_other(self):
        process, waiting = self.host("left", "--name", "tower", "--role", "worker", "--address", "192.0.2.7:7300")
        self.assertRegex(waiting["code"], r"\A[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\Z")
        said = self.join("right", waiting["code"], waiting["port"], "--name", "laptop")
        self.assertIn("tower", said.out)
        host = self.ended(process)
        self.assertEqual(host.code, 0, host)
        paired = json.loads(host.out)["paired"]
        self.assertEqual((paired["name"], paired["role"], paired["granted"]), ("laptop", "worker", "coordinator"))

        [left], [right] = self.peers("left"), self.peers("right")
        self.assertEqual((left["name"], left["role"], left["addresses"]), ("laptop", "worker", []))
        self.assertEqual((right["name"], right["role"], right["addresses"]), ("tower", "coordinator", ["192.0.2.7:7300"]))
        self.assertNotEqual(left["key"], right["key"])
        for state in ("left", "right"):
            for name in ("identity.pem", "peers.json"):
                mode = stat.S_IMODE(os.stat(self.folder / state / name).st_mode)
                self.assertEqual(mode & 0o077, 0, f"others may read {state}/{name}")

    def test_a_code_is_forgiving_about_how_it_is_typed(self):
        process, waiting = self.host("left")
        typed = waiting["code"].lower().replace("-", " ").replace("0", "o").replace("1", "l")
        self.join("right", typed, waiting["port"])
        self.assertEqual(self.ended(process).code, 0)

    def test_pairing_again_replaces_the_pairing(self):
        self.pair()
        process, waiting = self.host("left", "--name", "renamed", "--role", "observer")
        self.join("right", waiting["code"], waiting["port"])
        self.assertEqual(self.ended(process).code, 0)
        self.assertEqual([peer["name"] for peer in self.peers("right")], ["renamed"])
        self.assertEqual([peer["role"] for peer in self.peers("left")], ["observer"])

    def test_the_third_wrong_code_ends_it(self):
        process, waiting = self.host("left")
        for left in ("accepts 2 more", "accepts 1 more", "no further guess"):
            refused = self.join("right", self.wrong(waiting["code"]), waiting["port"], code=2)
            self.assertIn(left, refused.err)
        host = self.ended(process)
        self.assertEqual(host.code, 1, host)
        self.assertIn("3 wrong codes were tried", host.err)
        # The code is worth nothing any more, and nobody was stored.
        self.join("right", waiting["code"], waiting["port"], code=1)
        self.assertEqual(self.peers("left"), [])
        self.assertEqual(self.peers("right"), [])

    def test_a_machine_does_not_pair_with_itself(self):
        process, waiting = self.host("left")
        self.assertIn("itself", self.join("left", waiting["code"], waiting["port"], code=2).err)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=10)
        self.assertEqual(self.peers("left"), [])

    def test_what_is_no_code_and_nobody_there_are_said(self):
        self.fails("pair", "7K3M-9PQ", "--state", self.path("left"), naming=["8 letters and digits"])
        self.fails("pair", "7K3M-9PQX", "--node", "127.0.0.1:1", "--state", self.path("left"), code=1,
                   naming=["127.0.0.1:1", "troupe pair"])
        self.fails("pair", "--role", "king", "--state", self.path("left"))
        self.fails("pair", "7K3M-9PQX", "--list", "--state", self.path("left"))
        self.fails("pair", "--name", "two\nlines", "--state", self.path("left"), naming=["name"])

    def test_a_pairing_can_be_ended_by_name_or_key(self):
        self.pair()
        key = self.peers("left")[0]["key"]
        self.fails("pair", "--remove", "nobody", "--state", self.path("left"), naming=["nobody", "--list"])
        self.troupe("pair", "--remove", "right", "--state", self.path("left"))
        self.assertEqual(self.peers("left"), [])
        self.assertEqual(len(self.peers("right")), 1)
        self.pair()
        self.assertEqual(self.troupe_json("pair", "--remove", key, "--state", self.path("left"))["removed"]["key"], key)
        self.assertEqual(self.peers("left"), [])

    def test_two_machines_of_one_name_are_told_apart_by_key(self):
        for state in ("right", "third"):
            process, waiting = self.host("left")
            self.join(state, waiting["code"], waiting["port"], "--name", "twin")
            self.assertEqual(self.ended(process).code, 0)
        keys = [peer["key"] for peer in self.peers("left")]
        self.fails("pair", "--remove", "twin", "--state", self.path("left"), naming=keys)
        self.troupe("pair", "--remove", keys[0], "--state", self.path("left"))
        self.assertEqual([peer["key"] for peer in self.peers("left")], keys[1:])


class nodes_test(cli_test):
    def nodes(self, state, *arguments):
        return self.troupe_json("nodes", "--state", self.path(state), *arguments)["nodes"]

    def test_a_node_of_this_machine_is_found_with_its_device_and_version(self):
        _, ready = self.start_node("--state", self.path("here"), "--name", "worker")
        [found] = [node for node in self.nodes("here") if node["relation"] == "own"]
        self.assertEqual(found["addresses"], [f"127.0.0.1:{ready['port']}"])
        self.assertEqual(found["name"], "worker")
        self.assertIs(found["reachable"], True)
        self.assertEqual(found["devices"], [ready["device"]])
        self.assertRegex(found["version"], r"\A\d+\.\d+\.\d+\Z")
        self.assertGreater(found["round_trip_ms"], 0)
        shown = self.troupe("nodes", "--state", self.path("here")).out
        self.assertIn("worker", shown)
        self.assertIn("this machine's", shown)

    def test_a_node_that_has_stopped_is_not_listed(self):
        process, _ = self.start_node("--state", self.path("here"))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=30), 0)
        self.assertEqual([node for node in self.nodes("here", "--wait", "2") if node["relation"] == "own"], [])


if __name__ == "__main__":
    unittest.main()
