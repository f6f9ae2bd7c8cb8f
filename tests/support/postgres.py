#!/usr/bin/env python3
"""usage: postgres.py
A PostgreSQL of its own in a temporary folder, reached through a socket there. Prints its address without a database's name, and is gone
when standard input ends. Debian's postgresql-15 has to be there (scripts/setup --dev); it refuses root, who starts it as `postgres`."""
import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

PASSWORD = "secret-4711"  # of the user myoflag: programs find it in PGPASSWORD
FOLDER = "/usr/lib/postgresql/15/bin"
SETTINGS = ["listen_addresses=", "max_connections=60", "shared_buffers=64MB", "autovacuum_naptime=5s"]


class Postgres:
    def __init__(self, *settings):
        if not os.path.exists(f"{FOLDER}/postgres"):
            sys.exit("PostgreSQL 15 is missing: scripts/setup --dev installs it")
        self.folder = tempfile.mkdtemp(prefix="pg")
        owner = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.prefix = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"] if os.getuid() == 0 else []
        self.environment = {**os.environ, "HOME": self.folder, "LC_ALL": "C.UTF-8", "PGUSER": "myoflag", "PGPASSWORD": PASSWORD}
        self.settings = " ".join(f"-c {one}" for one in (*SETTINGS, f"unix_socket_directories={self.folder}", *settings))
        self.data = os.path.join(self.folder, "data")
        self.address = f"postgresql://myoflag@%s/{{}}" % self.folder.replace("/", "%2F")
        try:
            password = os.path.join(self.folder, "password")
            with open(password, "w", encoding="utf-8") as file:
                file.write(PASSWORD)
            os.chown(password, owner.pw_uid, owner.pw_gid)
            self.run("initdb", "-D", self.data, "-U", "myoflag", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-sync")
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def run(self, program, *arguments):
        done = subprocess.run([*self.prefix, f"{FOLDER}/{program}", *arguments], cwd=self.folder, env=self.environment, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, f"{program}: {done.stdout}"
        return done.stdout

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(self.folder, "log"), "-o", self.settings, "start")

    def stop(self, how="fast"):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", how, "stop")

    def database(self, name):
        """A new one; its address."""
        self.ask("postgres", f'CREATE DATABASE "{name}"')
        return self.address.format(name)

    def ask(self, database, sql):
        return self.run("psql", "-h", self.folder, "-d", database, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql).strip()

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            return file.read()

    def close(self):
        with contextlib.suppress(AssertionError):
            self.stop("immediate")
        shutil.rmtree(self.folder)


if __name__ == "__main__":
    server = Postgres("fsync=off")
    try:
        print(server.address.format(""), flush=True)
        sys.stdin.read()
    finally:
        server.close()
