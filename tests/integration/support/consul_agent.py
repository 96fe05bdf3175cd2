"""A real Consul agent in development mode: one server, its state in memory."""

import subprocess
import urllib.request

from support.waiting import PATIENCE, eventually


class ConsulAgent:
    """Runs where well-known ports are free: in a network namespace of the tests' own."""

    address = "http://127.0.0.1:8500"

    def __init__(self, binary, directory, config=None):
        directory.mkdir()
        self.log_path = directory / "consul.log"
        arguments = ["agent", "-dev", "-bind=127.0.0.1", "-log-level=warn"]
        if config:
            (directory / "extra.hcl").write_text(config)
            arguments.append(f"-config-file={directory / 'extra.hcl'}")
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen([binary, *arguments], stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=subprocess.STDOUT)
        eventually(self._has_leader, "the agent has a leader", 3 * PATIENCE)

    def _has_leader(self):
        assert self._process.poll() is None, self.log_path.read_text()
        try:
            with urllib.request.urlopen(f"{self.address}/v1/status/leader", timeout=PATIENCE) as response:
                return response.read() not in (b"", b'""')
        except OSError:
            return False

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
