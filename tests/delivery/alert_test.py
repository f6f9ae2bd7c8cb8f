#!/usr/bin/env python3
"""The web hook for urgent results from outside: a receiver on this machine that refuses, loses answers and points elsewhere, and
processes that are killed. Each urgent result is told at least once, always under the same key, and never silently not."""
import hashlib
import hmac
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.environ["MYOFLAG_SOURCE_DIR"], "tests", "sidecar"))
from deliver_cli_test import CANARY, PROGRAM, Deliver as DeliverCase, sample  # noqa: E402
from serve_test import Case as ServeCase  # noqa: E402

SECRET = "an invented secret of a test"
URGENT = "critical-calcium/bundle.json"


class Receiver:
    """`answer(number, key)`: a status, None to break off, or (status, headers)."""

    def __init__(self, answer=lambda number, key: 204):
        self.got, self.answer, self.lock = [], answer, threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.got.append((dict(self.headers.items()), body, time.time()))
                    number = len(receiver.got)
                answer = receiver.answer(number, self.headers["Idempotency-Key"])
                if answer is None:
                    self.close_connection = True
                    return
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?of=us"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keys(self):
        return [headers["Idempotency-Key"] for headers, _, _ in self.got]

    def bodies(self):
        return [json.loads(body) for _, body, _ in self.got]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Alerts(DeliverCase):
    def receiver(self, *answer):
        receiver = Receiver(*answer)
        self.addCleanup(receiver.close)
        return receiver

    def alert(self, receiver, *more, secret=SECRET):
        return self.call("alert", "--to", receiver if isinstance(receiver, str) else receiver.url, *more, MYOFLAG_HOOK_SECRET=secret)

    def test_an_urgent_result_is_told_signed_and_without_the_patient(self):
        receiver = self.receiver()
        self.add(self.with_canary(), sample("eyelid-coffee/response.json"))
        code, out, err = self.alert(receiver)
        self.assertEqual((code, out), (0, ""), err)
        self.assertEqual(len(receiver.got), 1)
        headers, body, at = receiver.got[0]
        stamp, signature = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["Myoflag-Signature"]).groups()
        self.assertLess(abs(int(stamp) - at), 5)
        self.assertEqual(signature, hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest())
        self.assertEqual(headers["Content-Type"], "application/json")
        told = json.loads(body)
        self.assertEqual(sorted(told), ["id", "item", "received", "targetHours", "tier", "type", "urgent"])
        self.assertEqual((told["tier"], told["item"], told["urgent"], told["type"]), ("emergency", 1, 1, "urgent-result"))
        self.assertEqual(headers["Idempotency-Key"], f'"{told["id"]}"')
        self.assertNotIn(CANARY, str(receiver.got) + err)
        self.assertNotIn("of=us", err)  # an address may hold a secret
        self.assertIn("web hook told 2", self.call("--urgent")[1])
        self.assertEqual(self.alert(receiver)[0], 0)
        self.assertEqual(len(receiver.got), 1)

    def test_what_is_not_taken_is_told_again_under_the_same_key(self):
        answers = [503, (429, {"Retry-After": "2"}), None, 500]
        receiver = self.receiver(lambda number, key: answers[number - 1] if number <= len(answers) else 200)
        self.add(sample(URGENT))
        code, _, err = self.alert(receiver)
        self.assertEqual(code, 0, err)
        self.assertEqual(len(receiver.got), 5)
        self.assertEqual(len(set(receiver.keys())), 1)
        self.assertEqual(len({body for _, body, _ in receiver.got}), 1)
        self.assertGreaterEqual(receiver.got[2][2] - receiver.got[1][2], 1.9)  # as it asked
        self.assertEqual(err.count("was not told, again"), 4)

    def test_a_redirect_is_never_followed_and_what_is_refused_is_parked_for_all_to_see(self):
        elsewhere = self.receiver()
        receiver = self.receiver(lambda number, key: (307, {"Location": elsewhere.url}))
        self.add(sample(URGENT))
        code, _, err = self.alert(receiver)
        self.assertEqual(code, 1, err)
        self.assertEqual((len(receiver.got), elsewhere.got), (5, []))
        listed = self.call("--urgent")[1]
        self.assertIn("NOT told, parked: MF-3166", listed)
        self.assertIn("redirect", listed)
        self.assertEqual(self.alert(receiver)[0], 1)
        self.assertEqual(len(receiver.got), 5)  # until somebody says so
        receiver.answer = lambda number, key: 200
        self.assertEqual(self.call("retry-alert", "1")[0], 0)
        self.assertEqual(self.alert(receiver)[0], 0)
        self.assertEqual(len(set(receiver.keys())), 1)
        self.assertIn("MF-3105", self.call("retry-alert", "1")[2])
        self.assertIn("MF-3104", self.call("retry-alert", "9")[2])

    def test_killed_while_it_tells_it_tells_again(self):
        hold = threading.Event()

        def answer(number, key):
            if number <= 3:
                hold.set()
                time.sleep(0.5)
            return 200

        receiver = self.receiver(answer)
        self.add(sample(URGENT))
        for _ in range(3):
            hold.clear()
            child = subprocess.Popen([PROGRAM, "deliver", "--store", self.store, "alert", "--to", receiver.url, "--quiet"],
                                     stderr=subprocess.DEVNULL, start_new_session=True,
                                     env={**os.environ, "MYOFLAG_HOOK_SECRET": SECRET})
            self.assertTrue(hold.wait(60))
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        code, _, err = self.alert(receiver)
        self.assertEqual(code, 0, err)
        self.assertEqual(len(receiver.got), 4)
        self.assertEqual(len(set(receiver.keys())), 1)

    def test_an_answer_that_kills_the_client_loses_nothing(self):
        evil = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"
        receiver = self.receiver(lambda number, key: None)
        handler = receiver.server.RequestHandlerClass
        usual = handler.do_POST
        handler.do_POST = lambda it: (usual(it), it.wfile.write(evil))
        self.add(sample(URGENT))
        self.alert(receiver, "--once")
        handler.do_POST = usual
        receiver.answer = lambda number, key: 200
        code, _, err = self.alert(receiver)
        self.assertEqual(code, 0, err)
        self.assertGreaterEqual(len(receiver.got), 2)
        self.assertEqual(len(set(receiver.keys())), 1)

    def test_one_that_is_never_taken_holds_up_no_other(self):
        self.add(sample(URGENT), sample("stroke-signs/response.json"))
        first = []

        def answer(number, key):
            first[:] = first or [key]
            return 503 if key == first[0] and number < 4 else 200

        receiver = self.receiver(answer)
        code, _, err = self.alert(receiver)
        self.assertEqual(code, 0, err)
        keys = receiver.keys()
        self.assertEqual(len(set(keys)), 2)
        self.assertNotEqual(keys[0], keys[1])  # the other one came next

    def test_what_somebody_looks_after_is_not_told(self):
        receiver = self.receiver()
        self.add(sample(URGENT))
        self.assertEqual(self.call("acknowledge", "1", "--by", "ward 3")[0], 0)
        self.assertEqual(self.alert(receiver)[0], 0)
        self.assertEqual(receiver.got, [])

    def test_wrong_use_is_told_before_anything_is_sent(self):
        receiver = self.receiver()
        self.add(sample(URGENT))
        for url, secret in ((receiver.url, ""), (receiver.url, "too short"), ("http://hook.example/", SECRET), ("ftp://x", SECRET)):
            code, _, err = self.alert(url, secret=secret)
            self.assertEqual((code, "MF-3165" in err), (2, True), (url, err))
        self.assertEqual(receiver.got, [])


class Beside(ServeCase):
    """As a part of the sidecar."""

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.environ["MYOFLAG_HOOK_SECRET"] = SECRET
        self.addCleanup(os.environ.pop, "MYOFLAG_HOOK_SECRET", None)

    def configure(self, **delivery):
        path = os.path.join(self.folder, "myoflag.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"delivery": delivery}, file)
        return path

    def test_it_is_told_though_the_ehr_is_down_and_figures_say_so(self):
        receiver = Receiver(lambda number, key: 503 if number == 1 else 200)
        self.addCleanup(receiver.close)
        config = self.configure(store="outbox.sqlite", to="http://127.0.0.1:1", hook=receiver.url)
        sidecar = self.start(mode=("--demo", "--deliver", "--config", config))
        outbox = os.path.join(self.folder, "outbox.sqlite")
        subprocess.run([PROGRAM, "deliver", "--store", outbox, "add", sample(URGENT), "--now", "2026-11-22T09:00:00Z"], check=True,
                       capture_output=True, timeout=60)
        end = time.monotonic() + 60
        while time.monotonic() < end and 'myoflag_alerts{state="told"} 1' not in sidecar.ask("GET", "/metrics")[2].decode():
            time.sleep(0.1)
        metrics = sidecar.ask("GET", "/metrics")[2].decode()
        for line in ('myoflag_alerts{state="told"} 1', 'myoflag_alerts{state="waiting"} 0', 'myoflag_alerts{state="parked"} 0',
                     "myoflag_alerts_oldest_seconds 0", 'myoflag_outbox_items{state="waiting"} 1', "myoflag_outbox_urgent 1"):
            self.assertIn(line + "\n", metrics)
        self.assertEqual(len(set(receiver.keys())), 1)
        parts = json.loads(sidecar.ask("GET", "/readyz")[2])["parts"]
        self.assertEqual(parts["alerts"], {"ready": True, "waiting": 0, "parked": 0, "oldestSeconds": 0, "failures": 0})
        self.assertEqual(sidecar.stop()[0], 0)
        self.assertNotIn(b"of=us", sidecar.log)

    def test_a_configuration_that_cannot_work_does_not_start(self):
        target = {"store": "outbox.sqlite", "to": "http://127.0.0.1:1"}
        for delivery, secret, code in (({**target, "hook": "http://hook.example/x"}, SECRET, "MF-4254"),
                                       ({**target, "hook": "https://hook.example/x"}, "short", "MF-3165"),
                                       ({"hook": "https://hook.example/x"}, SECRET, "MF-4255")):
            done = subprocess.run([PROGRAM, "serve", "--demo", "--port", "0", "--config", self.configure(**delivery)],
                                  capture_output=True, timeout=60, env={**os.environ, "MYOFLAG_HOOK_SECRET": secret})
            self.assertEqual((done.returncode, code in done.stderr.decode()), (2, True), (delivery, done.stderr))


# Only what stands here.
def load_tests(loader, *_):
    suite = unittest.TestSuite()
    for case in (Alerts, Beside):
        for name in sorted(vars(case)):
            if name.startswith("test_"):
                suite.addTest(case(name))
    return suite


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
