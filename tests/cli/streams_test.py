"""troupe serve and troupe generate --server, from outside."""

import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

import harness

STORY = harness.MODELS / "stories" / "stories-q8_0.gguf"
STORY_F16 = harness.MODELS / "stories" / "stories-f16.gguf"
PROMPT = ("--prompt", "Once upon a time", "--max-tokens", "24", "--seed", "3", "--temperature", "0.8")


class streams(harness.cli_test):
    def serve(self, *arguments, listen="127.0.0.1:0"):
        """A server that is ready, stopped at the end of the test at the latest."""
        process = subprocess.Popen(
            [harness.PROGRAM, "serve", str(STORY), "--json", "--listen", listen, "--context", "96", "--streams", "4",
             *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(harness.stop, process)
        line = process.stdout.readline()
        self.assertTrue(line, process.stderr.read() if process.poll() is not None else "no ready line")
        return process, json.loads(line)

    def test_a_server_says_what_the_program_says_alone(self):
        alone = self.troupe_json("generate", STORY, "--context", "96", *PROMPT)
        process, ready = self.serve()
        self.assertEqual(ready["durability"], "memory")
        self.assertRegex(ready["model"], r"\A[0-9a-f]{64}\Z")
        served = self.troupe_json("generate", "--server", ready["address"], *PROMPT)
        self.assertEqual(served["tokens"], alone["tokens"])
        self.assertEqual(served["text"], alone["text"])
        self.assertEqual(served["prompt_tokens"], len(alone["prompt_tokens"]))
        self.assertEqual((served["finish_reason"], served["reconnects"], served["durability"]), ("length", 0, "memory"))
        self.assertEqual(self.troupe("generate", "--server", ready["address"], *PROMPT).out, alone["text"] + "\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=60), 0)

    def test_a_client_goes_on_where_it_was_when_the_server_was_killed(self):
        log = self.path("log")
        process, ready = self.serve("--log", log)
        self.assertEqual(ready["durability"], "disk")
        asked = [harness.PROGRAM, "generate", "--server", ready["address"], "--json", "--ignore-eos", "--prompt",
                 "Once upon a time", "--max-tokens", "80"]
        calm = json.loads(subprocess.run(asked, capture_output=True, text=True, timeout=harness.TIMEOUT_S, check=True)
                          .stdout)
        size = os.path.getsize(os.path.join(log, "streams.log"))
        client = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(harness.stop, client)
        # A request and some tokens are in the log: the stream is under way.
        deadline = time.monotonic() + harness.TIMEOUT_S
        while os.path.getsize(os.path.join(log, "streams.log")) < size + 400:
            self.assertIsNone(client.poll())
            self.assertLess(time.monotonic(), deadline, "no token came into the log")
            time.sleep(0.001)
        process.kill()
        process.wait(timeout=60)
        _, again = self.serve("--log", log, listen=ready["address"])
        self.assertLessEqual(again["restored"], 1)
        out, _ = client.communicate(timeout=harness.TIMEOUT_S)
        disturbed = json.loads(out)
        self.assertEqual(disturbed["tokens"], calm["tokens"])
        self.assertEqual(disturbed["text"], calm["text"])

    def test_bad_requests_are_refused_with_what_is_wrong(self):
        _, ready = self.serve("--log", self.path("log"))
        address = ready["address"]
        self.fails("generate", "--server", address, "--tokens", "1,99999", naming=["99999", address])
        self.fails("generate", "--server", address, "--prompt", "x", "--chat-template", "nonsense", naming=["chatml"])
        self.fails("generate", STORY, "--server", address, "--prompt", "x", naming=["--server"])
        self.fails("generate", "--prompt", "x", naming=["--server"])
        self.fails("serve", STORY, "--log", self.path("log"), "--context", "96", code=1, naming=["another process"])
        self.fails("generate", "--server", "127.0.0.1:1", "--patience", "0.2", "--prompt", "x", code=1,
                   naming=["127.0.0.1:1"])

    def test_the_log_of_another_model_is_left_alone(self):
        log = self.path("log")
        process, _ = self.serve("--log", log)
        process.kill()
        process.wait(timeout=60)
        before = pathlib.Path(log, "streams.log").read_bytes()
        self.fails("serve", STORY_F16, "--log", log, "--context", "96", naming=["another model"])
        self.assertEqual(pathlib.Path(log, "streams.log").read_bytes(), before)



if __name__ == "__main__":
    unittest.main()
