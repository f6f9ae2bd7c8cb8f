#!/usr/bin/env python3
"""The Spark sample on a cluster of real worker processes, one of them killed in the middle: as a set, the result is that of one machine."""
import glob
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = os.environ["MYOFLAG"]
ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
NOW = "2026-11-22T09:00:00Z"
JOB = os.path.join(ROOT, "samples", "spark", "myoflag_spark.py")
RANDOM = os.path.join(ROOT, "tests", "interop", "random_responses.py")


def lines_of(folder):
    out = []
    for name in glob.glob(os.path.join(folder, "part-*")):
        with open(name, "rb") as file:
            out += file.read().splitlines()
    return out


def is_device(line):
    return line.startswith(b'{"resourceType":"Device"')


def children():
    """Process id -> command line of everything that this test started, also through others."""
    parents, commands = {}, {}
    for name in glob.glob("/proc/[0-9]*"):
        try:
            with open(name + "/stat", encoding="utf-8") as file:
                parents[int(name[6:])] = int(file.read().rsplit(")", 1)[1].split()[1])
            with open(name + "/cmdline", encoding="utf-8", errors="replace") as file:
                commands[int(name[6:])] = file.read().replace("\0", " ")
        except OSError:
            continue  # it ended

    def ours(pid):
        while pid > 1:
            if pid == os.getpid():
                return True
            pid = parents.get(pid, 0)
        return False

    return {pid: command for pid, command in commands.items() if ours(pid)}


class Spark(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        form = os.path.join(self.folder, "form.json")
        with open(form, "wb") as file:
            subprocess.run([PROGRAM, "questionnaire"], stdout=file, check=True)
        lines = subprocess.run([sys.executable, RANDOM, form, "300", "5"], capture_output=True, check=True).stdout.splitlines()
        lines[40:40] = [b"{", b'{"resourceType":"Patient"}']
        self.input = os.path.join(self.folder, "in.ndjson")
        with open(self.input, "wb") as file:
            file.write(b"\n".join(lines) + b"\n")

    def one_machine(self):
        done = subprocess.run([PROGRAM, "batch", self.input, "-o", "-", "--write", "resources", "--now", NOW, "--quiet"], capture_output=True, check=False)
        self.assertEqual(done.returncode, 1)
        lines = done.stdout.splitlines()
        errors = [line for line in lines if line.startswith(b'{"resourceType":"OperationOutcome"')]
        return [line for line in lines if line not in errors], len(errors)

    def kill_a_worker(self, job, killed):
        """As soon as the program runs on a worker: the executor, the parent of its Python."""
        while job.poll() is None and not killed:
            known = children()
            executors = [pid for pid, command in known.items() if "CoarseGrainedExecutorBackend" in command]
            if len(executors) > 1 and any(command.startswith(PROGRAM + " batch - ") for command in known.values()):
                os.kill(executors[0], signal.SIGKILL)
                killed.append(executors[0])
            time.sleep(0.02)

    def test_a_worker_is_killed_and_nothing_is_lost_or_doubled(self):
        out = os.path.join(self.folder, "out")
        environment = dict(os.environ, PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_DIRS=self.folder)
        import pyspark  # of the environment that `run` made
        environment["SPARK_HOME"] = os.path.dirname(pyspark.__file__)
        submit = os.path.join(environment["SPARK_HOME"], "bin", "spark-submit")
        job = subprocess.Popen([submit, "--master", "local-cluster[3,1,1024]", "--conf", "spark.executor.memory=512m", "--conf", "spark.ui.enabled=false",
                                JOB, "--program", PROGRAM, "--input", self.input, "--output", out, "--now", NOW, "--partitions", "12"],
                               env=environment, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        killed = []
        watcher = threading.Thread(target=self.kill_a_worker, args=(job, killed))
        watcher.start()
        _, err = job.communicate(timeout=500)
        watcher.join()
        self.assertEqual(job.returncode, 0, err.decode()[-3000:])
        self.assertEqual(len(killed), 1, "no worker was killed in the middle")
        results, errors = self.one_machine()
        # The program itself, as a Device, is written once by each task.
        judged = lines_of(out + "/results")
        self.assertEqual(set(judged), set(results))
        self.assertEqual(len([line for line in judged if not is_device(line)]), len([line for line in results if not is_device(line)]))
        self.assertEqual(len(lines_of(out + "/errors")), errors)


if __name__ == "__main__":
    unittest.main()
