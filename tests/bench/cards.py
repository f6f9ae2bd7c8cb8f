#!/usr/bin/env python3
"""What a card costs, as ratios of one run: `myoflag serve` with a patient-view call and all of its prefetch, held against a
bare Boost.Beast echo of the same body, a cpprestsdk listener that only parses it, nginx with a file of its size, and a
Node.js service that evaluates our published conditions with fhirpath.js.

usage: tests/bench/cards.py [--build DIR] [--calls N] [--rounds N] [--million]
Each server has one core to itself and the clients the other. --million: memory over 1,000,000 calls.
Needs a Release build with -DMYOFLAG_BENCHMARKS=ON (default build/bench; made when missing), Node.js, nginx, and h2load
(Debian: nginx-light, nghttp2-client).
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVICE = "/cds-services/myoflag-intake-review"
CLIENTS = 8
SERVER_CORE, CLIENT_CORE = "0", "1"
TICK = os.sysconf("SC_CLK_TCK")
CONFIG = {"limits": {"requests-per-connection": 1_000_000, "workers": 1}}


class Server:
    """A process on a core of its own that says its port; `place` is what is asked of it."""

    def __init__(self, title, command, place="/", port=None, body=True):
        self.title, self.place, self.body = title, place, body
        begin = time.perf_counter()
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.port = port or int(re.search(r"(\d+)/?\s*$", self.process.stdout.readline()).group(1))
        self.until_answers()
        self.start_ms = (time.perf_counter() - begin) * 1000
        # What it writes from now on (an access log) is taken and thrown away, as a service's log is taken.
        self.sink = subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)

    def until_answers(self):
        for _ in range(2000):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.005)
        raise SystemExit(f"{self.title} does not listen")

    def of_processes(self, field):
        children = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii").read().split()
        return sum(field(pid) for pid in [self.process.pid, *children])

    def processor_seconds(self):
        def of(pid):
            fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / TICK
        return self.of_processes(of)

    def resident_kib(self):
        def of(pid):
            return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status", encoding="ascii").read()).group(1))
        return self.of_processes(of)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.sink.wait(30)


def load(server, calls, body_file, rate=None):
    """Calls a second, processor microseconds a call, and sorted answer times (microseconds) of `calls` calls."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "times")
        command = ["taskset", "-c", CLIENT_CORE, "h2load", "--h1", "-t", "1", "-c", str(CLIENTS), "-n", str(calls),
                   "--log-file", log, f"http://127.0.0.1:{server.port}{server.place}"]
        if server.body:
            command += ["-d", body_file, "-H", "Content-Type: application/json"]
        if rate:
            command += ["--rps", str(rate / CLIENTS)]
        before, begin = server.processor_seconds(), time.perf_counter()
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        seconds, used = time.perf_counter() - begin, server.processor_seconds() - before
        good = int(re.search(r"status codes: (\d+) 2xx", out).group(1))
        if good != calls:
            raise SystemExit(f"{server.title}: {calls - good} of {calls} calls were not answered\n{out}")
        times = sorted(int(line.split("\t")[2]) for line in open(log, encoding="ascii"))
    return calls / seconds, used / calls * 1e6, times


def at(times, share):
    return times[min(len(times) - 1, int(len(times) * share))]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx(folder, size):
    with open(os.path.join(folder, "file"), "wb") as file:
        file.write(b"x" * size)
    port = free_port()
    with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as file:
        file.write(f"daemon off; pid {folder}/pid; error_log stderr crit; worker_processes 1;\n"
                   f"events {{ worker_connections 1024; }}\nhttp {{ access_log off; keepalive_requests 10000000;\n"
                   f"  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};\n"
                   f"  uwsgi_temp_path {folder}; scgi_temp_path {folder};\n"
                   f"  server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n")
    os.chmod(folder, 0o755)
    return Server("nginx, file of that size", [shutil.which("nginx") or "/usr/sbin/nginx", "-c", f"{folder}/nginx.conf"],
                  "/file", port, body=False)


def build(directory):
    for command in (["cmake", "-S", ROOT, "-B", directory, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                     "-DMYOFLAG_BENCHMARKS=ON", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"],
                    ["cmake", "--build", directory, "--target", "echo_peer", "parse_peer", "peers_input", "myoflag"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def ask(server, body):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{server.place}", body, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=60))


def same_rules(directory, call, peer_rules):
    """Whether the Node.js service let the same rules fire as we do; those of the record and of policies are not its business."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(call["prefetch"]["intake"], file)
        file.flush()
        out = subprocess.run([f"{directory}/plugin/myoflag", "evaluate", "--format", "assessment", "--now", NOW, file.name],
                             stdout=subprocess.PIPE, check=True).stdout
    ours = {finding["rule"] for finding in json.loads(out)["findings"] if finding["status"] == "fired"}
    return ours - peer_rules, peer_rules - ours


NOW = "2026-11-22T09:00:00Z"


def myoflag(directory, config):
    return Server("myoflag, card", [f"{directory}/plugin/myoflag", "serve", "--demo", "--port", "0", "--now", NOW,
                                    "--config", config], SERVICE)


def compare(options, folder, body_file, config, size):
    def echo():
        return Server("Beast, echo", [f"{options.build}/tests/bench/echo_peer"])

    def parse():
        port = str(free_port())
        return Server("cpprestsdk, parse only", [f"{options.build}/tests/bench/parse_peer", port], "/", int(port))

    makers = (lambda: myoflag(options.build, config), echo, parse, lambda: nginx(folder, size))
    figures = {}
    for _ in range(options.rounds):
        for make in makers:
            server = make()
            load(server, options.calls // 4, body_file)  # warm
            rate, used, times = load(server, options.calls, body_file)
            half = load(server, options.calls // 2, body_file, rate / 2)[2]
            figures.setdefault(server.title, []).append((rate, used, at(half, 0.5), at(half, 0.99), server.start_ms))
            server.end()
    middle = {title: [statistics.median(column) for column in zip(*rows)] for title, rows in figures.items()}
    print(f"\n{'':28}{'calls/s':>10}{'CPU us/call':>13}{'p50 us, half load':>19}{'p99':>8}")
    for title, (rate, used, p50, p99, _) in middle.items():
        print(f"{title:28}{rate:10,.0f}{used:13.1f}{p50:19,.0f}{p99:8,.0f}")
    ours, bare, parsing, static = middle.values()
    print(f"\nprocessor time, card against echo: {ours[1] / bare[1]:.1f} times (goal 2)\n"
          f"processor time, card against parsing alone in cpprestsdk: {ours[1] / parsing[1]:.2f} times (goal below 1)\n"
          f"p99 against p50 at half load: {ours[3] / ours[2]:.1f} times (goal 4)\n"
          f"processor time, echo against nginx with a file: {bare[1] / static[1]:.1f} times (goal 3.5)\n"
          f"from start to listening: {ours[4]:.0f} ms (goal 100)")
    return ours[0]


def against_node(options, folder, call, body, body_file, rate):
    peers = os.path.join(ROOT, "tests/bench/peers")
    if not os.path.isdir(os.path.join(peers, "node_modules")):
        subprocess.run(["npm", "ci", "--silent"], cwd=peers, check=True)
    conditions = os.path.join(folder, "conditions.json")
    with open(conditions, "wb") as file:
        subprocess.run([f"{options.build}/tests/bench/peers_input", "1", "1"], stdout=file, check=True)
    server = Server("Node.js", ["node", os.path.join(peers, "cds_service.js"), conditions])
    lacking, more = same_rules(options.build, call, set(ask(server, body)["cards"][0]["detail"].split()))
    load(server, 50, body_file)
    peer = statistics.median(load(server, 100, body_file)[0] for _ in range(options.rounds))
    server.end()
    print(f"Node.js with fhirpath.js: {peer:,.0f} calls/s; ours is {rate / peer:,.0f} times as fast (goal 10); rules that fired "
          f"here alone: {', '.join(sorted(lacking)) or 'none'}; there alone: {', '.join(sorted(more)) or 'none'}")


def memory(options, body_file, config):
    server = myoflag(options.build, config)
    load(server, 20_000, body_file)
    first = server.resident_kib()
    for _ in range(10):
        load(server, 100_000, body_file)
    last = server.resident_kib()
    server.end()
    print(f"memory over 1,000,000 calls: {first / 1024:.1f} MiB after 20,000, {last / 1024:.1f} MiB at the end, "
          f"{(last / first - 1) * 100:+.1f} % (goal below 5)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build/bench"))
    parser.add_argument("--calls", type=int, default=8_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    missing = [name for name in ("h2load", "taskset") if not shutil.which(name)]
    if missing or os.cpu_count() < 2:
        print(f"needs two cores and {', '.join(missing)}", file=sys.stderr)
        return 2
    build(options.build)
    with open(os.path.join(ROOT, "samples/cds-hooks/hook-call.txt"), encoding="utf-8") as file:
        call = json.load(file)
    body = json.dumps(call, separators=(",", ":"), ensure_ascii=False).encode()
    with tempfile.TemporaryDirectory() as folder:
        body_file, config = os.path.join(folder, "call.json"), os.path.join(folder, "config.yaml")
        with open(body_file, "wb") as file:
            file.write(body)
        with open(config, "w", encoding="utf-8") as file:
            json.dump(CONFIG, file)
        print(f"a call of {len(body):,} bytes, {CLIENTS} connections, {options.calls:,} calls a round, medians of {options.rounds}")
        if options.million:
            memory(options, body_file, config)
        else:
            rate = compare(options, folder, body_file, config, len(body))
            against_node(options, folder, call, body, body_file, rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
