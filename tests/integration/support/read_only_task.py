"""Becomes naru as a container of a task would run it: on a read-only root, as a user of its own.

    unshare --mount python3 read_only_task.py BINARY CONFIGURATION USER

The mounts are seen in this namespace only. Copies of both files are where USER can read them, whoever owns the checkout.
"""

import os
import shutil
import subprocess
import sys


def install(*files):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt"], check=True)
    copies = [shutil.copy(file, "/mnt") for file in files]
    for copy in copies:
        os.chmod(copy, 0o755)
    for where in ("/mnt", "/"):
        subprocess.run(["mount", "-o", "remount,bind,ro", where], check=True)
    return copies


def main(binary, configuration, user):
    binary, configuration = install(binary, configuration)
    os.chdir("/")
    os.setgroups([])
    os.setgid(int(user))
    os.setuid(int(user))
    os.execve(binary, [binary, "run"], {**os.environ, "NARU_CONFIG": configuration})


if __name__ == "__main__":
    main(*sys.argv[1:])
