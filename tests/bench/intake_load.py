#!/usr/bin/env python3
"""What patients wait for when many fill in the form at once while the EHR is answered: `myoflag serve` on two cores, with
one store, patients on keep-alive connections who pause between their answers, and patient-view calls at a fixed rate.

usage: tests/bench/intake_load.py [--myoflag PROGRAM] [--patients N] [--pause S] [--cards RATE] [--seconds S] [--workers N]
                                  [--folder DIR]
Server time is what the access log says of each request: from its whole head to the last byte of its answer. Continue is the
answer (on disk before it is acknowledged) and the next page together, as the script of the pages asks for them. Wall time is what a
patient sees, with this load generator on the same cores. Whoever has sent a form begins another one, so that all are busy all the time.
Exit 1 when a request was not answered as it should be, or is not in the log.
Needs a Release program (default build/bench/plugin/myoflag; made when missing). Figures of a machine that does other work say nothing.
"""
import argparse
import asyncio
import gzip
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CARDS = "/cds-services/myoflag-intake-review"
NOW = "2026-11-22T09:00:00Z"
BORN = {"d": "27", "m": "2", "y": "1980"}
CARD_CONNECTIONS = 8
SHORTEST = 20  # questions of the shortest way through, at least
GOAL_MS = 50


class Failed(Exception):
    pass


class Connection:
    """HTTP/1.1 to the program, one request after the other; `address` is whose the proxy would say it is."""

    def __init__(self, port, address, samples):
        self.port, self.address, self.samples, self.cookie = port, address, samples, ""
        self.reader = self.writer = None

    async def ask(self, kind, method, path, body=b"", media_type="application/x-www-form-urlencoded"):
        if self.writer is None or self.reader.at_eof():
            await self.end()
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nX-Forwarded-For: {self.address}\r\nMf-Fetch: 1\r\n"
        if method == "GET":
            head += "Accept-Encoding: gzip\r\n"
        if self.cookie:
            head += f"Cookie: {self.cookie}\r\n"
        if method == "POST":
            head += f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
        begin = time.perf_counter()
        self.writer.write(head.encode() + b"\r\n" + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict((line.split(": ", 1)[0].lower(), line.split(": ", 1)[1]) for line in lines[1:] if line)
        content = await self.reader.readexactly(int(fields.get("content-length", 0)))
        self.samples.append((kind, begin, time.perf_counter() - begin, fields["x-request-id"], self.address))
        if "set-cookie" in fields:
            self.cookie = fields["set-cookie"].split(";")[0]
        status = int(lines[0].split()[1])
        if status not in (200, 204):
            raise Failed(f"{kind}: status {status}")
        return fields, (gzip.decompress(content) if fields.get("content-encoding") == "gzip" else content).decode()

    async def end(self):
        if self.writer is not None:
            self.writer.close()


def value(tag, name):
    found = re.search(rf' {name}="([^"]*)"', tag)
    return found.group(1) if found else None


def answered(page, link):
    """What goes back with a page: its hidden fields, and "none", the first option, what stands in the box, or nothing."""
    form = re.search(r"<form .*?</form>", page, re.S).group(0)
    inputs = re.findall(r"<input [^>]*>", form)
    fields = {value(one, "name"): value(one, "value") for one in inputs if value(one, "type") == "hidden"}
    if link is None:
        return fields
    mine = [value(one, "value") for one in inputs if value(one, "name") == link]
    if "none" in mine:
        return {**fields, link: "none"}
    if 'name="skip"' in form:
        return {**fields, "skip": "1"}
    return {**fields, link: mine[0]}


class Patient:
    def __init__(self, number, links, port, pause, samples):
        self.links, self.pause = links, pause
        self.connection = Connection(port, f"10.0.{number // 250}.{number % 250 + 1}", samples)
        self.is_in = asyncio.Event()

    async def post(self, kind, path, fields):
        fields, _ = await self.connection.ask(kind, "POST", path, urllib.parse.urlencode(fields).encode())
        return fields["mf-to"]

    async def visit(self, link):
        self.connection.cookie = ""
        await self.connection.ask("start", "GET", link)
        place = await self.post("start", link + "/start", {})
        _, page = await self.connection.ask("start", "GET", place)
        place = await self.post("start", place, {**answered(page, None), **BORN})
        kind = "page"
        while place != "/p/done":
            _, page = await self.connection.ask(kind, "GET", place)
            self.is_in.set()
            await asyncio.sleep(self.pause * random.uniform(0.5, 1.5))
            if place == "/p/review":
                place, kind = await self.post("send", "/p/submit", answered(page, None)), "done"
                continue
            link_id = place.rsplit("/", 1)[1] if place.startswith("/p/q/") else None
            kind = "page" if link_id else "other"
            place = await self.post("answer" if link_id else "other", place, answered(page, link_id))
        await self.connection.ask("done", "GET", place)

    async def run(self, delay):
        await asyncio.sleep(delay)
        while True:
            await self.visit(self.links.pop())


async def card_calls(port, rate, body, samples, tasks):
    """At a fixed rate, whether or not the earlier ones were answered."""
    free = asyncio.Queue()
    for _ in range(CARD_CONNECTIONS):
        free.put_nowait(Connection(port, "10.1.0.1", samples))

    async def call():
        connection = await free.get()
        try:
            _, answer = await connection.ask("card", "POST", CARDS, body, "application/json")
            if not json.loads(answer)["cards"]:
                raise Failed("card: none")
        finally:
            free.put_nowait(connection)

    begin = time.perf_counter()
    for number in range(10**9):
        await asyncio.sleep(max(0, begin + number / rate - time.perf_counter()))
        tasks.add(asyncio.create_task(call()))
        for done in [task for task in tasks if task.done()]:
            tasks.remove(done)
            done.result()


def sheet(title, server, wall, goal=""):
    def at(times, share):
        return times[min(len(times) - 1, int(len(times) * share))]
    server, wall = sorted(server), sorted(wall)
    print(f"{title:28}{len(server):8,}{at(server, 0.5):12.1f}{at(server, 0.99):9.1f}{server[-1]:9.1f}"
          f"{at(wall, 0.5):13.1f}{at(wall, 0.99):9.1f}  {goal}".rstrip())


async def load(options, port, links, body):
    samples, card_tasks = [], set()
    patients = [Patient(number, links, port, options.pause, samples) for number in range(options.patients)]
    tasks = [asyncio.create_task(patient.run(options.ramp * number / options.patients)) for number, patient in enumerate(patients)]
    tasks.append(asyncio.create_task(card_calls(port, options.cards, body, samples, card_tasks)))

    async def watch():
        await asyncio.gather(*(patient.is_in.wait() for patient in patients))
        begin = time.perf_counter()
        await asyncio.sleep(options.seconds)
        return begin, time.perf_counter()

    window = asyncio.create_task(watch())
    done, _ = await asyncio.wait([window, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in [*tasks, *card_tasks]:
        task.cancel()
    failures = await asyncio.gather(*tasks, *card_tasks, return_exceptions=True)
    failures = [one for one in failures if isinstance(one, Exception) and not isinstance(one, asyncio.CancelledError)]
    if window not in done:
        window.cancel()
    return samples, window.result() if window in done else None, failures


def logged(path):
    """Milliseconds by request."""
    times = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("{") and '"route"' in line:
                entry = json.loads(line)
                times[entry["request"]] = entry["ms"]
    return times


def report(samples, window, times, seconds):
    inside = [one for one in samples if window[0] <= one[1] < window[1]]
    lost = sum(1 for one in samples if one[3] not in times)

    def of(kind):
        return [(times.get(one[3], 0), one[2] * 1000) for one in inside if one[0] == kind]
    rows = {kind: of(kind) for kind in ("answer", "page", "send", "card")}
    print(f"\n{'':28}{'requests':>8}{'server p50':>12}{'p99':>9}{'most':>9}{'wall ms p50':>13}{'p99':>9}")
    continued = list(continues(inside, times))
    sheet("Continue to the next page", *zip(*continued), goal=f"(goal: server p99 below {GOAL_MS})")
    sheet("  the answer, saved", *zip(*rows["answer"]))
    sheet("  the page", *zip(*rows["page"]))
    if rows["send"]:
        sheet("form sent", *zip(*rows["send"]))
    sheet("card", *zip(*rows["card"]))
    print(f"\nms; {len(continued) / seconds:.0f} Continues and {len(rows['card']) / seconds:.1f} cards a second; {lost} requests are not in the log")
    return lost


def continues(samples, times):
    """Each answer with the page that it led to: the next request of that patient."""
    waits = {}
    for kind, _, wall, request, who in samples:
        if kind == "answer":
            waits[who] = (request, wall)
        elif kind == "page" and who in waits:
            first, before = waits.pop(who)
            yield times.get(first, 0) + times.get(request, 0), (before + wall) * 1000


def started(options, folder):
    store, config, log = (os.path.join(folder, name) for name in ("store.sqlite", "myoflag.yaml", "log"))
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"service": {"base": "https://cds.example"},
                   "intake": {"store": store, "clinic": "Example Clinic", "phone": "020 7946 0123", "emergency-number": "112",
                              "proxy-field": "x-forwarded-for"},
                   "limits": {"workers": options.workers}}, file)
    with open(log, "wb") as file:
        server = subprocess.Popen([options.myoflag, "serve", "--demo", "--now", NOW, "--port", "0", "--config", config], stderr=file,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    os.sched_setaffinity(server.pid, sorted(os.sched_getaffinity(0))[:2])
    for _ in range(2000):
        with open(log, encoding="utf-8") as file:
            found = re.search(r"Listening on http://[^:]+:(\d+)", file.read())
        if found:
            return server, int(found.group(1)), store, log
        time.sleep(0.01)
    raise SystemExit("the program does not listen")


def invited(options, store, count):
    def one(number):
        out = subprocess.run([options.myoflag, "invite", "--store", store, "--base", "https://cds.example", "--now", NOW, "create",
                              "--patient", f"Patient/{number}", "--born", "1980-02-27"], check=True, stdout=subprocess.PIPE, text=True).stdout
        return urllib.parse.urlparse(out.strip()).path
    return [one(number) for number in range(count)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--myoflag", default=os.path.join(ROOT, "build/bench/plugin/myoflag"))
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--pause", type=float, default=3, help="seconds between a page and its answer, half to one and a half of it")
    parser.add_argument("--cards", type=float, default=50, help="a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=0, help="limits.workers of the program")
    parser.add_argument("--folder", help="where the store is to be; default: a temporary folder")
    options = parser.parse_args()
    options.ramp = options.pause * 2
    if not os.path.exists(options.myoflag):
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        import cards  # pylint: disable=import-outside-toplevel
        cards.build(os.path.join(ROOT, "build/bench"))
    forms = options.patients * (1 + math.ceil((options.seconds + options.ramp) / (SHORTEST * options.pause)))
    with open(os.path.join(ROOT, "samples/cds-hooks/hook-call.txt"), encoding="utf-8") as file:
        body = json.dumps(json.load(file), separators=(",", ":"), ensure_ascii=False).encode()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        server, port, store, log = started(options, folder)
        try:
            links = invited(options, store, forms)
            print(f"{options.patients} patients, {options.pause:g} s between answers, {options.cards:g} cards a second, {options.seconds:g} s; "
                  f"load before: {os.getloadavg()[0]:.1f}", flush=True)
            samples, window, failures = asyncio.run(load(options, port, links, body))
        finally:
            server.terminate()
            server.wait(60)
        if window is None:
            print(f"ended early: {failures}", file=sys.stderr)
            return 1
        lost = report(samples, window, logged(log), options.seconds)
    print(f"errors: {len(failures)} {'; '.join(sorted({str(one) for one in failures}))}")
    return 1 if failures or lost else 0


if __name__ == "__main__":
    sys.exit(main())
