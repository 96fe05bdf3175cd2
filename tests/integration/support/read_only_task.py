"""Runs naru as a task does: on a read-only root, as a user without rights, with a loopback of its own.

    unshare --mount --net python3 read_only_task.py BINARY CONFIGURATION USER

USER is a number, or "-" for who runs this. Ends when the container's health check has passed, and prints what it saw as JSON.
"""

import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.waiting import eventually  # noqa: E402, because of the path

SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def writes(pid):
    """The regular files that the process has open for writing, beside what it was given."""
    found = []
    for descriptor in set(os.listdir(f"/proc/{pid}/fd")) - {"0", "1", "2"}:
        flags = int(pathlib.Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text().split("flags:")[1].split()[0], 8)
        if flags & os.O_ACCMODE != os.O_RDONLY and stat.S_ISREG(os.stat(f"/proc/{pid}/fd/{descriptor}").st_mode):
            found.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    return found


def install(*files):
    """Copies of the files where every user can read them, on a file system that only this namespace sees and cannot write."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt"], check=True)
    copies = [shutil.copy(file, "/mnt") for file in files]
    for copy in copies:
        os.chmod(copy, 0o755)
    for where in ("/mnt", "/"):
        subprocess.run(["mount", "-o", "remount,bind,ro", where], check=True)
    return copies


def main(binary, configuration, user):
    raise_loopback()
    binary, configuration = install(binary, configuration)
    identity = {} if user == "-" else {"user": int(user), "group": int(user), "extra_groups": []}
    environment = {**os.environ, "NARU_CONFIG": configuration}
    naru = subprocess.Popen([binary, "run"], env=environment, cwd="/", stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=sys.stderr, **identity)

    def healthy():
        assert naru.poll() is None, f"naru ended with {naru.returncode}"
        return subprocess.run([binary, "healthcheck"], env=environment, capture_output=True, check=False,
                              **identity).returncode == 0

    eventually(healthy, "the health check passes")
    status = pathlib.Path(f"/proc/{naru.pid}/status").read_text()
    with urllib.request.urlopen("http://127.0.0.1:4001/metrics") as answer:
        metrics = answer.read().decode()
    seen = {"rss_kib": int(status.split("VmRSS:")[1].split()[0]), "user": int(status.split("Uid:")[1].split()[0]),
            "writes": writes(naru.pid), "metrics": "naru_build_info" in metrics}
    naru.send_signal(signal.SIGTERM)
    seen["exit"] = naru.wait(60)
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
