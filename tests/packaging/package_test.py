#!/usr/bin/env python3
"""The Debian package, made from this build: what is in it, who may read it, and whether the unit and the program from it work."""
import glob
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

BUILD = os.environ["MYOFLAG_BINARY_DIR"]


def run(*command, **how):
    done = subprocess.run(command, capture_output=True, timeout=240, **how)
    assert done.returncode == 0, (command, done.stdout.decode(), done.stderr.decode())
    return done.stdout.decode()


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        run("cpack", "-G", "DEB", "--config", os.path.join(BUILD, "CPackConfig.cmake"), "-B", os.path.join(cls.folder, "out"))
        cls.package, = glob.glob(os.path.join(cls.folder, "out", "*.deb"))
        cls.root = os.path.join(cls.folder, "root")
        cls.control = os.path.join(cls.folder, "control")
        run("dpkg-deb", "-x", cls.package, cls.root)
        run("dpkg-deb", "-e", cls.package, cls.control)

    def inside(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def test_it_says_what_it_is_and_needs(self):
        self.assertRegex(os.path.basename(self.package), r"^myoflag_[0-9.]+_[a-z0-9]+\.deb$")
        fields = dict(line.split(": ", 1) for line in run("dpkg-deb", "-f", self.package).splitlines() if re.match(r"^\S+: ", line))
        self.assertEqual(fields["Package"], "myoflag")
        for needed in ("adduser", "libcpprest", "libc6", "libsqlite3-0", "libpq5"):
            self.assertIn(needed, fields["Depends"])

    def test_what_is_in_it_is_in_its_place_and_nothing_else(self):
        lines = [line.split(None, 5) for line in run("dpkg-deb", "-c", self.package).splitlines()]
        files = {line[5].lstrip("."): (line[0], line[1]) for line in lines if not line[0].startswith("d")}
        self.assertEqual({owner for _, owner in files.values()}, {"root/root"})
        self.assertEqual(set(files), {"/usr/bin/myoflag", "/usr/bin/myoflag-ehr", "/etc/myoflag/myoflag.yaml", "/etc/myoflag/environment",
                                      "/usr/lib/systemd/system/myoflag.service", "/usr/share/doc/myoflag/copyright",
                                      "/usr/share/doc/myoflag/NOTICE", "/usr/share/doc/myoflag/operation.md",
                                      "/usr/share/doc/myoflag/safety.md"})
        self.assertEqual(files["/etc/myoflag/environment"][0], "-rw-------")
        self.assertEqual(files["/usr/bin/myoflag"][0], "-rwxr-xr-x")

    def test_what_an_administrator_changes_is_a_conffile(self):
        with open(os.path.join(self.control, "conffiles"), encoding="utf-8") as file:
            names = file.read().splitlines()
        self.assertEqual(names, ["/etc/myoflag/environment", "/etc/myoflag/myoflag.yaml"])
        for name in names:
            self.assertTrue(os.path.isfile(self.inside(name)), name)

    def test_the_scripts_are_scripts(self):
        for name in ("postinst", "prerm", "postrm"):
            path = os.path.join(self.control, name)
            self.assertTrue(os.stat(path).st_mode & stat.S_IXUSR, name)
            run("sh", "-n", path)

    def test_the_program_from_it_prints_the_configuration_in_it(self):
        with open(self.inside("/etc/myoflag/myoflag.yaml"), encoding="utf-8") as file:
            self.assertEqual(run(self.inside("/usr/bin/myoflag"), "config"), file.read())
        run(self.inside("/usr/bin/myoflag-ehr"), "--help")

    def test_systemd_understands_the_unit(self):
        unit = self.inside("/usr/lib/systemd/system/myoflag.service")
        with open(unit, encoding="utf-8") as file:
            text = file.read()
        program, = re.findall(r"^ExecStart=(\S+)", text, re.M)
        self.assertTrue(os.access(self.inside(program), os.X_OK))
        # It looks for the program on this machine.
        checked = os.path.join(self.folder, "myoflag.service")
        with open(checked, "w", encoding="utf-8") as file:
            file.write(text.replace(program, self.inside(program)))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", checked], capture_output=True, timeout=60)
        said = [line for line in done.stderr.decode().splitlines() if "myoflag.service" in line]
        self.assertEqual(said, [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
