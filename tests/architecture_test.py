#!/usr/bin/env python3
"""Reads the #include lines of the tree and checks them against the picture of the architecture.

Run by ctest, or by hand: tests/architecture_test.py. The rules are the tables below; a new folder or a new library is a
new row. The last class proves that every rule can fail.
"""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Which folder may include which, besides itself. A file belongs to the longest folder that begins its path; "sidecar"
# is the files directly in it (app, main), which join everything.
FOLDERS = {
    "resilience": [],
    "discovery": ["discovery"],  # providers.cc knows every kind of source
    "discovery/aws": ["discovery"],
    "discovery/consul": ["discovery"],
    "discovery/dns": ["discovery"],
    "discovery/file": ["discovery"],
    "discovery/xds": ["discovery"],
    "metrics": [],
    "sidecar/log": [],
    "sidecar/http": [],
    "sidecar/net": ["resilience"],
    "sidecar/config": ["resilience", "discovery"],
    "sidecar/call": ["resilience", "discovery", "metrics", "sidecar/log", "sidecar/http", "sidecar/net",
                     "sidecar/config"],
    "sidecar/health": ["resilience", "discovery", "sidecar/log"],
    "sidecar/admin": ["resilience", "discovery", "metrics", "sidecar/log", "sidecar/http", "sidecar/net",
                      "sidecar/config", "sidecar/call"],
    "sidecar/cli": ["resilience", "discovery", "metrics", "sidecar"],
    "sidecar": ["resilience", "discovery", "metrics", "sidecar"],
}

# Which libraries there are, by how their headers begin, and where those may appear. The longest row that fits decides.
LIBRARIES = {
    "absl/": ["discovery/", "metrics/", "sidecar/"],
    "ares.h": ["discovery/dns/dns_channel.cc"],
    "yaml-cpp/": ["discovery/file/yaml_value", "sidecar/config/"],
    "CLI/": ["sidecar/cli/"],
    "llhttp.h": ["sidecar/http/"],
    "nghttp2/": ["sidecar/http/http2_"],
    "openssl/": ["sidecar/call/websocket", "discovery/http_client", "discovery/aws/sigv4"],
    "prometheus/": ["metrics/"],
    "boost/asio": ["discovery/", "sidecar/admin/", "sidecar/cli/", "sidecar/health/", "sidecar/app", "sidecar/config_watcher"],
    "boost/beast": ["discovery/", "sidecar/admin/", "sidecar/cli/", "sidecar/health/", "sidecar/app"],
    "boost/json": ["discovery/", "sidecar/admin/", "sidecar/cli/", "sidecar/config/"],
    "boost/system": ["discovery/", "sidecar/admin/", "sidecar/cli/", "sidecar/health/", "sidecar/app"],
    "boost/intrusive": ["sidecar/net/", "sidecar/call/", "sidecar/worker"],
    "boost/version.hpp": ["sidecar/cli/"],
    "grpc": ["discovery/xds/ads_call.cc", "sidecar/health/grpc_check.cc"],
    "sanitizer/": ["sidecar/net/"],
    # The operating system's sockets: the data path reaches them through sidecar/net only.
    "sys/socket.h": ["sidecar/net/", "sidecar/admin/", "sidecar/cli/"],
    "sys/epoll.h": ["sidecar/net/", "sidecar/admin/", "sidecar/cli/"],
    "sys/eventfd.h": ["sidecar/net/"],
    "sys/time.h": ["discovery/dns/dns_channel.cc", "metrics/", "sidecar/"],
    "sys/": ["discovery/file/", "metrics/", "sidecar/"],
    "linux/": ["sidecar/net/"],
    "netinet/": ["discovery/dns/dns_channel.cc", "sidecar/net/", "sidecar/admin/", "sidecar/cli/"],
    "arpa/inet.h": ["discovery/", "sidecar/net/"],
}

# What a pure decision cannot name: time, chance and facts are its arguments.
IMPURE = re.compile(
    r"\bnow\s*\(\s*\)|\bmutex\b|\bthread\b|\bcondition_variable\b|\brandom_device\b|\bgetenv\b|"
    r"<(?:mutex|thread|condition_variable|random|iostream|fstream|cstdio|ctime|unistd\.h|sys/.*)>")
PURE_FOLDER = "resilience/"

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def longest_prefix(text, prefixes):
    return max((p for p in prefixes if text.startswith(p)), key=len, default=None)


def folder_of(path):
    """The row of FOLDERS that `path` belongs to, or None."""
    found = longest_prefix(path, [folder + "/" for folder in FOLDERS])
    return found and found[:-1]


def without_comments(line):
    return line.split("//", 1)[0]


def folder_problem(path, header):
    own, other = folder_of(path), folder_of(header)
    if own is None or other is None or own == other:
        return None
    if any(other == allowed or other.startswith(allowed + "/") for allowed in FOLDERS[own]):
        return None
    return f"{own} may not include {other}"


def library_problem(path, header):
    library = longest_prefix(header, LIBRARIES)
    if library is None:
        # A standard header has no folder and no suffix; the few of POSIX without a folder are harmless.
        known = "/" not in header or folder_of(header) is not None
        return None if known else f"no row of LIBRARIES says where <{header}> may appear"
    if any(path.startswith(allowed) for allowed in LIBRARIES[library]):
        return None
    return f"{library} may appear only in {', '.join(LIBRARIES[library])}"


def problems_of(path, text):
    """Every broken rule of one file, as "path:line: what: the line"."""
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        found = []
        include = INCLUDE.match(line)
        if include:
            header = include.group(1) or include.group(2)
            found = [folder_problem(path, header), library_problem(path, header)]
        if path.startswith(PURE_FOLDER) and IMPURE.search(without_comments(line)):
            found.append("a decision reads no clock and owns no thread, lock or chance")
        problems += [f"{path}:{number}: {what}: {line.strip()}" for what in found if what]
    return problems


def sources():
    for top in ("resilience", "discovery", "metrics", "sidecar"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path


# Where a page names a file or a folder of the repository.
PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]
NAMED = re.compile(r"(?<![\w./-])((?:resilience|discovery|metrics|sidecar|tests|examples|docs)/[\w./-]*\w)")


def named_by(text):
    return sorted({match.group(1) for match in NAMED.finditer(text)})


class Pages(unittest.TestCase):
    def test_name_only_what_exists(self):
        missing = [f"{page} names {name}" for page in PAGES for name in named_by((ROOT / page).read_text())
                   if not (ROOT / name).exists()]
        self.assertEqual(missing, [])

    def test_find_the_names(self):
        self.assertEqual(named_by("see `sidecar/call/call.h`, [x](docs/a.md) and /tests/no."), ["docs/a.md", "sidecar/call/call.h"])


class Architecture(unittest.TestCase):
    def test_every_include_is_in_the_picture(self):
        problems = []
        for path in sources():
            problems += problems_of(path.relative_to(ROOT).as_posix(), path.read_text())
        self.assertEqual(problems, [], "\n" + "\n".join(problems))

    def test_every_source_folder_has_a_row(self):
        strangers = [str(p.relative_to(ROOT)) for p in sources() if folder_of(p.relative_to(ROOT).as_posix()) is None]
        self.assertEqual(strangers, [])
        folders = {p.parent.relative_to(ROOT).as_posix() for p in sources()}
        self.assertEqual(sorted(folders - set(FOLDERS)), [])

    def test_reads_the_tree(self):
        self.assertGreater(len(list(sources())), 20)


class EveryRuleCanFail(unittest.TestCase):
    def assert_problem(self, path, line, what):
        self.assertEqual(problems_of(path, "\n" + line + "\n"), [f"{path}:2: {what}: {line}"])

    def assert_sound(self, path, line):
        self.assertEqual(problems_of(path, line), [])

    def test_the_three_know_neither_each_other_nor_the_sidecar(self):
        for own in ("resilience", "discovery", "metrics"):
            for other in ("resilience", "discovery", "metrics", "sidecar/net"):
                if own != other:
                    self.assert_problem(f"{own}/x.cc", f'#include "{other}/x.h"', f"{own} may not include {other}")
            self.assert_sound(f"{own}/x.cc", f'#include "{own}/x.h"')

    def test_a_lower_part_does_not_know_a_higher_one(self):
        self.assert_problem("sidecar/http/x.cc", '#include "sidecar/net/socket.h"',
                            "sidecar/http may not include sidecar/net")
        self.assert_problem("sidecar/http/x.cc", '#include "resilience/time.h"',
                            "sidecar/http may not include resilience")
        self.assert_problem("sidecar/net/x.cc", '#include "discovery/address.h"',
                            "sidecar/net may not include discovery")
        self.assert_problem("sidecar/call/x.cc", '#include "sidecar/admin/x.h"',
                            "sidecar/call may not include sidecar/admin")
        self.assert_problem("sidecar/call/x.cc", '#include "sidecar/app.h"', "sidecar/call may not include sidecar")
        self.assert_sound("sidecar/net/x.cc", '#include "resilience/time.h"')
        self.assert_sound("sidecar/app.cc", '#include "sidecar/call/x.h"')

    def test_a_library_stays_where_it_belongs(self):
        self.assert_problem("sidecar/call/x.cc", "#include <yaml-cpp/yaml.h>",
                            "yaml-cpp/ may appear only in discovery/file/yaml_value, sidecar/config/")
        self.assert_problem("sidecar/call/x.cc", "#  include <sys/epoll.h>",
                            "sys/epoll.h may appear only in sidecar/net/, sidecar/admin/, sidecar/cli/")
        self.assert_problem("sidecar/net/x.cc", "#include <boost/asio/io_context.hpp>",
                            "boost/asio may appear only in discovery/, sidecar/admin/, sidecar/cli/, sidecar/health/, "
                            "sidecar/app, sidecar/config_watcher")
        self.assert_problem("resilience/x.cc", '#include "absl/strings/str_cat.h"',
                            "absl/ may appear only in discovery/, metrics/, sidecar/")
        self.assert_sound("sidecar/config/x.cc", "#include <yaml-cpp/yaml.h>")
        self.assert_sound("sidecar/app_signals.cc", "#include <boost/asio/signal_set.hpp>")

    def test_a_new_library_needs_a_row(self):
        self.assert_problem("sidecar/call/x.cc", "#include <fmt/format.h>",
                            "no row of LIBRARIES says where <fmt/format.h> may appear")
        self.assert_sound("sidecar/call/x.cc", "#include <vector>")

    def test_a_decision_is_pure(self):
        impure = "a decision reads no clock and owns no thread, lock or chance"
        for line in ("auto t = std::chrono::steady_clock::now();", "std::mutex lock_;", "#include <thread>",
                     "#include <random>", "std::thread worker;"):
            self.assert_problem("resilience/x.cc", line, impure)
        self.assert_sound("resilience/x.cc", "Duration Left(TimePoint now) const;  // any thread, no mutex, no now()")
        self.assert_sound("sidecar/net/x.cc", "auto t = std::chrono::steady_clock::now();")


if __name__ == "__main__":
    unittest.main()
