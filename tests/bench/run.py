#!/usr/bin/env python3
"""Speed as ratios of one run: our evaluation against FHIRPath engines on the same conditions and patients, and the time of
one `myoflag evaluate` from start to end.

usage: tests/bench/run.py [--build DIR] [--patients N]
Needs a Release build with -DMYOFLAG_BENCHMARKS=ON (default build/bench; made when missing) and Node.js.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(command, **kw):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **kw).stdout


def build(directory):
    run(["cmake", "-S", ROOT, "-B", directory, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
         "-DMYOFLAG_BENCHMARKS=ON", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"])
    run(["cmake", "--build", directory, "--target", "rules_bench", "peers_input", "myoflag"])


def ours(directory, benchmark):
    out = run([f"{directory}/tests/bench/rules_bench", f"--benchmark_filter={benchmark}",
               "--benchmark_repetitions=5", "--benchmark_format=json"], stderr=subprocess.DEVNULL)
    rates = [b["items_per_second"] for b in json.loads(out)["benchmarks"]
             if b["run_type"] == "iteration"]
    return statistics.median(rates)


def peers(directory, patients, *kind):
    data = run([f"{directory}/tests/bench/peers_input", str(patients), "1", *kind])
    folder = os.path.join(ROOT, "tests/bench/peers")
    if not os.path.isdir(os.path.join(folder, "node_modules")):
        run(["npm", "ci", "--silent"], cwd=folder)
    return json.loads(run(["node", "peers.js", "-"], cwd=folder, input=data))


def one_process(directory, sample):
    command = [f"{directory}/plugin/myoflag", "evaluate", sample, "--now", "2026-11-22T09:00:00Z"]
    times = []
    for _ in range(21):
        begin = time.perf_counter()
        run(command)
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times[1:])


# What both sides evaluate: title, our benchmark, the kind of input for the others.
COMPARISONS = (
    ("all rules and gap policies, as published", "evaluate_all_rules", ()),
    ("sixty conditions of one comparison each", "evaluate_sixty_plain_conditions", ("plain",)),
    ("the same sixty, to the others without a third value (unknown is false)", "evaluate_sixty_plain_conditions", ("bare",)),
)


def compare(directory, patients):
    """Prints the ratios; True when every engine gave our verdicts."""
    agreed = True
    for title, benchmark, kind in COMPARISONS:
        rate = ours(directory, benchmark)
        result = peers(directory, patients, *kind)
        print(f"{title}:\n  ours: {rate:,.0f} patients/s, one thread, median of 5")
        for engine in result["results"]:
            print(f"  {engine['engine']} over {engine['over']}: {engine['patientsPerSecond']:,.0f} patients/s, "
                  f"{engine['run']} conditions, {engine['disagreements']} disagreements; "
                  f"ours is {rate / engine['patientsPerSecond']:,.0f} times as fast")
            agreed = agreed and engine["disagreements"] == 0 and not engine["refused"]
    return agreed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build/bench"))
    parser.add_argument("--patients", type=int, default=200)
    options = parser.parse_args()
    build(options.build)
    agreed = compare(options.build, options.patients)
    sample = os.path.join(ROOT, "samples/hand-weakness/response.xml")
    print(f"myoflag evaluate, one file, start to end: {one_process(options.build, sample):.1f} ms, median of 20")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
