"""naru check, explain, healthcheck, version and run, by their exit codes and what they print."""

import json
import os
import pwd
import re
import subprocess

import pytest

from support.naru import BINARY, free_port, run_command, yaml
from support.waiting import eventually

SOUND = {
    "caller": {"squad": "video", "service": "video-api"},
    "listen": "127.0.0.1:4000",
    "services": {"courses": {"squad": "learning", "endpoints": ["10.0.1.11:8080"], "port": 4101, "timeout": "3s",
                             "routes": [{"match": "GET /v1/courses/{id}", "name": "course", "timeout": "800ms",
                                         "try_timeout": "800ms"}]}},
}


@pytest.fixture
def config(tmp_path):
    def write(content=None):
        path = tmp_path / "naru.yaml"
        path.write_text(content if isinstance(content, str) else yaml(content or SOUND))
        return path

    return write


def test_check_of_a_sound_file_prints_the_map_of_ports_and_ends_0(config):
    done = run_command("check", "-c", config())
    assert done.returncode == 0, done.stderr
    assert "4101" in done.stdout and "courses" in done.stdout


def test_check_reports_every_problem_with_its_place_and_ends_1(config):
    path = config("""caller: {squad: video, service: video-api}
services:
  courses:
    sqad: learning
    endpoints: [10.0.1.11:8080]
    timeout: 5 parsecs
  media:
    squad: video
    endpoints: [8.8.8.8:80]
    timeout: 1s
    try_timeout: 2s
""")
    done = run_command("check", "-c", path)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert re.search(re.escape(str(path)) + r":4:5:", said), said
    assert "did you mean" in said and "squad" in said and "^" in said
    assert re.search(re.escape(str(path)) + r":6:\d+:", said) and "5 parsecs" in said
    assert re.search(re.escape(str(path)) + r":9:\d+:", said) and "8.8.8.8" in said
    assert re.search(re.escape(str(path)) + r":1[01]:\d+:", said) and "try_timeout" in said


@pytest.mark.parametrize("what", ["the file", "an included file", "a folder of an include pattern"])
def test_check_names_the_user_who_may_not_read_a_file_and_ends_2(config, tmp_path, what):
    path = config("include: [catalog/*.yaml]\nservices: {}\n")
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "video.yaml").write_text("services: {}")
    secret = {"the file": path, "an included file": folder / "video.yaml"}.get(what, folder)
    secret.chmod(0)
    # Root may read everything, unless it gives that up.
    ordinary = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run([*ordinary, BINARY, "check", "-c", path], capture_output=True, text=True, check=False)
    secret.chmod(0o700)
    assert done.returncode == 2, done.stdout + done.stderr
    user = pwd.getpwuid(os.geteuid()).pw_name
    assert f"cannot be read by the user {user}: Permission denied" in done.stdout
    assert "let that user read it" in done.stdout and "-c FILE" not in done.stdout


def test_check_of_an_include_that_is_a_folder_ends_2(config, tmp_path):
    (tmp_path / "catalog").mkdir()
    done = run_command("check", "-c", config("include: [catalog]\nservices: {}\n"))
    assert done.returncode == 2
    assert done.stdout == (f"{tmp_path}/catalog: is a directory, not a file\n"
                           f"  it is included at {tmp_path}/naru.yaml:1; name a file in it\n")


def test_check_in_json_is_for_ci(config):
    done = run_command("check", "-c", config({"services": {"courses": {"endpoints": ["10.0.0.1:80"]}}}), "--format=json")
    assert done.returncode == 1
    assert "squad" in json.dumps(json.loads(done.stdout))
    done = run_command("check", "-c", config(), "--format=json")
    assert done.returncode == 0
    json.loads(done.stdout)


def test_check_of_a_file_that_cannot_be_read_ends_2(tmp_path):
    done = run_command("check", "-c", tmp_path / "missing.yaml")
    assert done.returncode == 2
    assert "missing.yaml" in done.stdout + done.stderr


def test_check_prints_a_json_schema(config):
    done = run_command("check", "--schema")
    assert done.returncode == 0
    schema = json.loads(done.stdout)
    assert "services" in schema["properties"]


def test_the_file_is_c_or_the_environment(config):
    path = config()
    assert run_command("check", environment={"NARU_CONFIG": str(path)}).returncode == 0
    missing = run_command("check", environment={"NARU_CONFIG": "/nonexistent/naru.yaml"})
    assert missing.returncode == 2
    assert "/nonexistent/naru.yaml" in missing.stdout + missing.stderr


def test_explain_says_which_service_and_route_and_where_values_came_from(config):
    path = config()
    done = run_command("explain", "-c", path, "GET", "http://127.0.0.1:4000/courses/v1/courses/42")
    assert done.returncode == 0, done.stderr
    for word in ("courses", "learning", "course", "800ms", f"{path}:", "default"):
        assert word in done.stdout, f"{word} is not in {done.stdout}"
    done = run_command("explain", "-c", path, "GET", "http://127.0.0.1:4000/v1/x", "-H", "Host: courses")
    assert done.returncode == 0 and "courses" in done.stdout
    done = run_command("explain", "-c", path, "GET", "http://127.0.0.1:4101/v1/x", "--format=json")
    assert done.returncode == 0
    assert "courses" in json.dumps(json.loads(done.stdout))


def test_explain_of_an_unknown_service_says_so(config):
    done = run_command("explain", "-c", config(), "GET", "http://127.0.0.1:4000/corses/x")
    assert done.returncode == 1
    assert "courses" in done.stdout + done.stderr


def passes(*arguments, **options):
    """What a health check said that went well, as it does sooner or later: a busy machine may take its one second."""
    def went_well():
        done = run_command("healthcheck", *arguments, **options)
        return done.returncode == 0 and done

    return eventually(went_well, f"naru healthcheck {arguments} ends with 0")


def test_healthcheck_follows_readiness(courses):
    naru, _ = courses()
    passes("--admin", f"http://127.0.0.1:{naru.admin_port}")
    naru.stop()
    gone = run_command("healthcheck", "--admin", f"http://127.0.0.1:{naru.admin_port}")
    assert gone.returncode == 1
    assert str(naru.admin_port) in gone.stdout + gone.stderr


def test_healthcheck_finds_the_admin_port_in_the_configuration(courses, config):
    naru, _ = courses()
    passes("-c", naru.config_path)
    passes(environment={"NARU_CONFIG": str(naru.config_path)})
    elsewhere = config({**SOUND, "admin": f"127.0.0.1:{free_port()}"})
    assert run_command("healthcheck", "-c", elsewhere).returncode == 1, "nobody is there"
    passes("-c", elsewhere, "--admin", f"http://127.0.0.1:{naru.admin_port}")  # --admin goes first


def test_healthcheck_fails_while_naru_is_alive_but_not_ready(start_naru, tmp_path):
    found = tmp_path / "courses.json"
    naru = start_naru({"courses": {"squad": "learning", "endpoints": f"file://{found}"}}, wait_ready=False,
                      drain_timeout="20s")
    assert naru.admin("GET", "/healthz").status == 200

    def says_what_naru_waits_for():
        waiting = run_command("healthcheck", "-c", naru.config_path)
        assert waiting.returncode == 1
        return "courses" in waiting.stdout + waiting.stderr

    eventually(says_what_naru_waits_for, "it says what naru waits for")
    found.write_text('[{"targets": ["10.0.1.11:8080"]}]')
    eventually(naru.ready, "the service is resolved")
    passes("-c", naru.config_path)
    naru.signal()
    eventually(lambda: not naru.ready(), "naru drains")
    assert run_command("healthcheck", "-c", naru.config_path).returncode == 1


def test_healthcheck_of_a_naru_that_has_refused_an_edit_of_its_file(courses):
    naru, _ = courses()
    path = naru.config_path
    passes("-c", path)
    naru.write_config(naru.config_text() + "no_such_key: 1\n")
    eventually(lambda: "configuration refused" in naru.log(), "the file is refused")
    assert passes("-c", path).stderr == ""
    done = run_command("healthcheck", "-c", path.parent / "gone.yaml")
    assert "gone.yaml cannot be used (does not exist), so asked the default 127.0.0.1:4001" in done.stderr


def test_healthcheck_needs_no_scheme(courses):
    naru, _ = courses()
    passes("--admin", f"127.0.0.1:{naru.admin_port}")


def test_version_names_version_commit_and_libraries():
    done = run_command("version")
    assert done.returncode == 0
    assert re.search(r"\b0\.1\.0\b", done.stdout)
    libraries = dict(re.findall(r"^(\S+) +(\d[\d.]*)$", done.stdout, re.MULTILINE))
    assert {"boost", "llhttp", "abseil", "yaml-cpp", "prometheus-cpp"} <= {name.lower() for name in libraries}, done.stdout
    assert re.search(r"^commit [0-9a-f]{7,40}$|^commit unknown$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", ["", "run", "check", "explain", "healthcheck", "version"])
def test_every_command_has_help(command):
    done = run_command(*command.split(), "--help")
    assert done.returncode == 0
    assert "--help" in done.stdout


def test_an_unknown_command_is_an_error():
    done = run_command("rnu")
    assert done.returncode != 0
    assert "rnu" in done.stderr


def test_run_with_a_bad_file_ends_1_and_says_why(config):
    done = run_command("run", "-c", config("services: {courses: {sqad: learning}}\n"))
    assert done.returncode == 1
    assert "did you mean" in done.stderr and "sqad" in done.stderr


def test_run_with_a_missing_file_ends_2(tmp_path):
    assert run_command("run", "-c", tmp_path / "missing.yaml").returncode == 2


def test_run_on_a_port_that_is_taken_says_which(config, upstream):
    taken = upstream()
    services = {"courses": {"squad": "learning", "endpoints": ["10.0.1.11:8080"]}}
    done = run_command("run", "-c", config({"listen": f"127.0.0.1:{taken.port}", "admin": f"127.0.0.1:{free_port()}",
                                            "services": services}))
    assert done.returncode == 1
    assert str(taken.port) in done.stderr


@pytest.mark.parametrize("key, value", [("hedge", {"after": "p95"}),
                                        ("balance", "hash(header:x)")])
def test_what_is_not_supported_yet_is_a_clear_error(config, key, value):
    content = {**SOUND, "services": {"courses": {**SOUND["services"]["courses"], key: value}}}
    done = run_command("check", "-c", config(content))
    assert done.returncode == 1
    assert "not supported yet" in done.stdout + done.stderr
