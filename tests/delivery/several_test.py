#!/usr/bin/env python3
"""usage: several_test.py [ITEMS [SEED]]
Three processes deliver from one database of PostgreSQL to a server that counts, while two of them are killed and started again, and the
database ends without warning once. Each item arrives once, no two processes send one at the same time, and the versions of a response come
in their order. ctest runs a few; a killed process's claim is made to run out there, instead of waiting for two minutes as with 1000 items
and more."""
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ["MYOFLAG_SOURCE_DIR"], "tests", "support"))
from deliver_cli_test import NOW, PROGRAM, Ehr, sample
from postgres import PASSWORD, Postgres

PROCESSES, LEASE, LONGEST_EXCHANGE = 3, 120, 20


def form_in(bundle):
    return next(entry for entry in bundle["entry"] if entry["resource"]["resourceType"] == "QuestionnaireResponse")


def responses(path, count):
    """Invented patients with the same answers; every tenth response is amended once."""
    with open(sample("eyelid-coffee/response.json"), encoding="utf-8") as file:
        response = json.load(file)
    written = 0
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            response["id"] = f"several-{number}"
            response["identifier"] = {"system": "urn:several", "value": str(number)}
            response["subject"] = {"reference": f"Patient/several-{number}"}
            for status in ("completed", "amended") if number % 10 == 0 else ("completed",):
                response["status"] = status
                if written < count:
                    file.write(json.dumps(response) + "\n")
                    written += 1


class CountingEhr(Ehr):
    """Notes what is under way, in which order transactions came and how often."""

    def __init__(self, chance):
        super().__init__(transactions=True)
        self.came, self.under_way, self.at_once = collections.Counter(), set(), []
        self.order = collections.defaultdict(list)  # statuses, by response
        ehr, handler = self, self.server.RequestHandlerClass
        read, answer = handler.body, handler.reply

        def body(self):
            resource = read(self)
            self.name = None
            if resource["resourceType"] == "Bundle":
                form = form_in(resource)
                self.name = form["fullUrl"]
                with ehr.lock:
                    if self.name in ehr.under_way:
                        ehr.at_once.append(self.name)
                    ehr.under_way.add(self.name)
                    ehr.came[self.name] += 1
                    for entry in resource["entry"]:  # an amended form replaces what it amends
                        entry["request"].setdefault("ifNoneExist", entry["request"]["url"].partition("?")[2])
                    ehr.order[form["resource"]["subject"]["reference"]].append(form["resource"]["status"])
                time.sleep(chance.random() * 0.004)
            return resource

        def reply(self, *arguments, **more):
            with ehr.lock:
                ehr.under_way.discard(getattr(self, "name", None))
            answer(self, *arguments, **more)

        handler.body, handler.reply = body, reply

    def put(self, resource, ids):
        """Where references lead is what other tests look at."""


class Deliveries:
    def __init__(self, address, base):
        self.command = [PROGRAM, "deliver", "--store", address, "run", "--to", base, "--quiet"]
        self.running = [self.start() for _ in range(PROCESSES)]
        self.killed = self.failed = 0

    def start(self):
        return subprocess.Popen(self.command, stderr=subprocess.PIPE, start_new_session=True)

    def kill(self, which):
        child = self.running[which]
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            self.running[which] = self.start()
            self.killed += 1

    def start_failed(self):
        """As a sidecar does: those that the database left alone."""
        for which, child in enumerate(self.running):
            if child.poll() == 3:
                assert "MF-3100" in child.stderr.read().decode()
                child.stderr.close()
                self.running[which] = self.start()
                self.failed += 1

    def are_running(self):
        return any(child.poll() is None for child in self.running)

    def end(self):
        for child in self.running:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.stderr.close()
            child.wait()


def submit(folder, address, count):
    forms, out = os.path.join(folder, "in.ndjson"), os.path.join(folder, "out")
    responses(forms, count)
    subprocess.run([PROGRAM, "batch", forms, "-o", out, "--write", "table", "--store", address, "--now", NOW, "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)


def deliver(server, address, ehr, count, chance):
    """Two of them die, at any moment of the first half; gives how often they did, and how often one gave up."""
    deliveries = Deliveries(address, ehr.base)
    wanted, has_ended = 0, False
    try:
        while deliveries.are_running():
            if not has_ended and sum(ehr.came.values()) >= count // 4:
                server.stop("immediate")
                time.sleep(1)
                server.start()
                has_ended = True
            deliveries.start_failed()
            if sum(ehr.came.values()) >= wanted and wanted < count // 2:
                wanted += chance.randrange(1, max(2, count // 10))
                time.sleep(chance.random() * 0.02)
                deliveries.kill(chance.randrange(2))
            if count < 1000:
                server.ask("several", f"UPDATE item SET held_until=0 WHERE held_until BETWEEN 1 AND EXTRACT(EPOCH FROM now())+{LEASE - LONGEST_EXCHANGE}")
            time.sleep(0.01 if wanted < count // 2 else 0.2)
        ends = [(child.returncode, child.stderr.read().decode()) for child in deliveries.running]
    finally:
        deliveries.end()
    assert all(code == 0 for code, _ in ends), ends
    return deliveries.killed, deliveries.failed


def run(count, seed):
    chance = random.Random(seed)
    os.environ["PGPASSWORD"] = PASSWORD
    server, ehr = Postgres(), CountingEhr(chance)
    try:
        address = server.database("several")
        with tempfile.TemporaryDirectory() as folder:
            submit(folder, address, count)
        items = server.ask("several", "SELECT response FROM receipt").split()
        assert len(set(items)) == count, len(set(items))
        begin = time.monotonic()
        killed, failed = deliver(server, address, ehr, count, chance)
        took = time.monotonic() - begin
        told = subprocess.run([PROGRAM, "deliver", "--store", address], check=True, capture_output=True).stdout.decode()
    finally:
        ehr.close()
        server.close()
    assert f"0 waiting, 0 parked, {count} delivered" in told, told
    assert set(ehr.came) == set(items), f"{len(set(items) - set(ehr.came))} lost, {len(set(ehr.came) - set(items))} too many"
    assert ehr.at_once == [], f"{len(ehr.at_once)} sent by two at once"
    again = sum(ehr.came.values()) - count
    assert again <= killed + PROCESSES, f"{again} were sent again after {killed} kills and an end of the database"
    wrong = [order for order in ehr.order.values() if order != sorted(order, reverse=True)]
    assert wrong == [], wrong
    assert killed >= 4 and failed >= 1, (killed, failed)
    print(f"{count} items, seed {seed}: each once, {len(ehr.stored)} resources; {killed} times killed, {failed} ended with the database; "
          f"{again} sent again and found there; {took:.0f} s")


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
