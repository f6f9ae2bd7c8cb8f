"""A clinic with a store and pages behind the program's configuration: what tests of several folders begin with."""
import http.client
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from serve_test import PROGRAM, ROOT, Case, Client  # noqa: E402


class Clinic(Case):
    INTAKE = {"clinic": "Clinic", "phone": "020 7946 0123", "emergency-number": "112"}

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.client = Client(self.folder)
        self.store = os.path.join(self.folder, "store.sqlite")

    def add(self, *samples):
        """Responses that were answered; a name without a folder is one of self.folder."""
        for sample in samples:
            path = os.path.join(ROOT, "samples", sample) if "/" in sample else os.path.join(self.folder, sample)
            subprocess.run([PROGRAM, "deliver", "--store", self.store, "add", path], check=True, capture_output=True)

    def configure(self, intake=None, **sections):
        return self.client.configure(intake={"store": self.store} | self.INTAKE | (intake or {}), **sections)

    def serve_by(self, configuration):
        sidecar = self.start(mode=("--config", configuration))
        sidecar.connection = lambda: http.client.HTTPConnection("127.0.0.1", sidecar.port, timeout=60)
        return sidecar
