#!/usr/bin/env python3
"""usage: soak.py [DELIVERIES [SEED]]
Many deliveries to an EHR on this machine that answers 503 and 429, cuts connections before and after it has done what was asked,
and sends half answers, while the process that delivers is killed again and again. Then: nothing lost, nothing doubled, every
reference right. 1000 deliveries take some minutes; ctest runs a few."""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from deliver_cli_test import NOW, PROGRAM, Ehr, sample

FAULTS = ("503", "429", "cut", "lost", "half")


def responses(folder, count):
    """Invented patients with the same answers."""
    with open(sample("eyelid-coffee/response.json"), encoding="utf-8") as file:
        response = json.load(file)
    for number in range(count):
        response["id"] = f"soak-{number}"
        response["identifier"] = {"system": "urn:soak", "value": str(number)}
        response["subject"] = {"reference": f"Patient/soak-{number}"}
        path = os.path.join(folder, f"{number}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(response, file)
        yield path


class FaultyEhr(Ehr):
    """Every fault of FAULTS, in any order; `share` of the writes meet one."""

    def __init__(self, chance, share, **how):
        super().__init__(**how)
        self.met = dict.fromkeys(FAULTS, 0)
        self.refused = dict.fromkeys(("503", "429"), 0)
        answer = self.server.RequestHandlerClass.reply
        ehr = self

        def before(handler):
            handler.fault = chance.choice(FAULTS) if chance.random() < share else None
            if handler.fault is None:
                return None
            ehr.met[handler.fault] += 1
            if handler.fault in ("503", "429"):
                return f"HTTP/1.1 {handler.fault} X\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n".encode()
            return b"" if handler.fault == "cut" else None

        def reply(handler, status, body=None, **headers):
            fault = getattr(handler, "fault", None)
            handler.fault = None
            if fault == "lost":
                handler.close_connection = True
            elif fault == "half":
                handler.close_connection = True
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: 5000\r\n\r\n{\"resour")
            else:
                answer(handler, status, body, **headers)

        self.hook = before
        self.server.RequestHandlerClass.reply = reply


def run(store, base, wait=True):
    return subprocess.Popen([PROGRAM, "deliver", "--store", store, "run", "--to", base, "--quiet"], stderr=subprocess.DEVNULL,
                            start_new_session=True) if not wait else subprocess.run(
                                [PROGRAM, "deliver", "--store", store, "run", "--to", base, "--quiet"], capture_output=True, check=False)


def deliver_with_kills(store, ehr, chance, kills):
    """The whole group dies at any moment, `kills` times; then it goes on to the end."""
    done = 0
    while done < kills:
        child = run(store, ehr.base, wait=False)
        wanted = ehr.requests + chance.randrange(2, 8)
        while ehr.requests < wanted and child.poll() is None:
            time.sleep(0.001)
        if child.poll() is not None:
            break
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        done += 1
    last = run(store, ehr.base)
    assert last.returncode == 0, last.stderr.decode()
    return done


def soak(count, seed, transactions):
    chance = random.Random(seed)
    ehr = FaultyEhr(chance, 0.3, transactions=transactions)
    quiet = Ehr(transactions=True)
    with tempfile.TemporaryDirectory() as folder:
        files = list(responses(folder, count))
        stores = [os.path.join(folder, name) for name in ("faulty.sqlite", "quiet.sqlite")]
        for store in stores:
            subprocess.run([PROGRAM, "deliver", "--store", store, "add", *files, "--now", NOW], check=True, capture_output=True)
        begin = time.monotonic()
        kills = deliver_with_kills(stores[0], ehr, chance, max(3, count // 20))
        took = time.monotonic() - begin
        assert run(stores[1], quiet.base).returncode == 0
        told = subprocess.run([PROGRAM, "deliver", "--store", stores[0]], check=True, capture_output=True).stdout.decode()
    ehr.close()
    quiet.close()
    assert f"0 waiting, 0 parked, {count} delivered" in told, told
    assert set(ehr.stored) == set(quiet.stored), f"{len(set(quiet.stored) - set(ehr.stored))} lost, {len(set(ehr.stored) - set(quiet.stored))} too many"
    assert len(ehr.stored) == len(set(ehr.stored.values()))
    assert ehr.wrong() == []
    rung = "transactions" if transactions else "one by one"
    print(f"{count} deliveries, {rung}, seed {seed}: {len(ehr.stored)} resources, each once; {ehr.requests} requests, {ehr.met}, "
          f"{kills} times killed, {took:.0f} s")
    return ehr.met, kills


if __name__ == "__main__":
    deliveries = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    faults, ended = soak(deliveries, first, True)
    assert all(faults.values()) or deliveries < 50, faults
    assert ended > 0
    if deliveries >= 50:
        soak(max(deliveries // 50, 2), first, False)
