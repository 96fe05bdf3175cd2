"""examples/ecs: what would break a task, read from its files, and naru run as the task would run it."""

import contextlib
import json
import os
import pathlib
import re
import shlex
import stat
import subprocess
import sys
import urllib.request

import pytest

from support import cloud_map
from support.naru import BINARY, ROOT, SANITIZER_ENVIRONMENT, run_command, sanitized
from support.network import ADDRESSES
from support.upstream import ok
from support.waiting import PATIENCE, eventually

EXAMPLE = ROOT / "examples" / "ecs"
CONFIGURATION = EXAMPLE / "naru.yaml"
TEXT = CONFIGURATION.read_text()
HEALTHCHECK_LIMIT = 1  # seconds that `naru healthcheck` gives itself

# Memory in MiB that Fargate allows to a task of so many CPU units: "Task CPU and memory", Amazon ECS Developer Guide.
FARGATE_MEMORY = {"256": [512, 1024, 2048], "512": range(1024, 4097, 1024), "1024": range(2048, 8193, 1024)}


def read(name):
    return json.loads((EXAMPLE / name).read_text())


TASK = read("task-definition.json")
SERVICE = read("service.json")
CONTAINERS = {container["name"]: container for container in TASK["containerDefinitions"]}
NARU = CONTAINERS["naru"]
APPLICATION = CONTAINERS["video-api"]


def environment_of(container):
    return {variable["name"]: variable["value"] for variable in container["environment"]}


def setting(name):
    return re.search(rf"^{name}: (\S+)", TEXT, re.M)[1]


def instructions():
    """Dockerfile instructions as (word, rest), with continued lines joined, a list for each stage."""
    text = re.sub(r"^#.*\n", "", (EXAMPLE / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    stages = []
    for line in text.splitlines():
        if not line.strip():
            continue
        word, rest = line.split(None, 1)
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest))
    return stages


def last(word):
    return [rest for found, rest in instructions()[-1] if found == word][-1]


# The configuration


def test_its_configuration_is_sound_in_the_environment_of_the_task():
    done = run_command("check", "-c", CONFIGURATION, "--format=json", environment=environment_of(NARU))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [note["message"] for note in json.loads(done.stdout)["notes"]] == [
        "the admin port can be reached from outside this machine"]


@pytest.mark.parametrize("variable", environment_of(APPLICATION))
def test_every_url_of_the_application_leads_to_the_service_it_says(variable):
    url = environment_of(APPLICATION)[variable] + "/v1/x"
    done = run_command("explain", "-c", CONFIGURATION, "GET", url, "--format=json", environment=environment_of(NARU))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["service"] == variable.removesuffix("_URL").lower()


def test_the_old_name_at_the_alb_still_means_the_service():
    done = run_command("explain", "-c", CONFIGURATION, "GET", "http://courses.internal.example.com/v1/courses/7", "--format=json",
                       environment=environment_of(NARU))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["service"] == "courses"


# The task


def test_the_application_starts_when_naru_is_healthy_and_ends_before_it():
    assert APPLICATION["dependsOn"] == [{"containerName": "naru", "condition": "HEALTHY"}]
    assert "dependsOn" not in NARU


def test_the_health_check_is_a_command_of_naru_that_has_the_time_it_needs():
    check = NARU["healthCheck"]
    how, binary, command = check["command"]
    assert (how, binary) == ("CMD", "/usr/bin/naru")
    assert re.search(rf"^  {command}\b", run_command("--help").stdout, re.M)
    assert check["timeout"] > HEALTHCHECK_LIMIT


@pytest.mark.parametrize("name", CONTAINERS)
def test_health_checks_are_within_what_ecs_allows(name):
    check = CONTAINERS[name]["healthCheck"]  # "HealthCheck", Amazon ECS API Reference
    assert 5 <= check["interval"] <= 300 and 2 <= check["timeout"] <= 60
    assert 1 <= check["retries"] <= 10 and 0 <= check["startPeriod"] <= 300


def test_naru_has_longer_to_end_than_calls_have():
    seconds = int(setting("drain_timeout").removesuffix("s"))
    assert seconds < NARU["stopTimeout"] <= 120  # the most that Fargate gives
    assert APPLICATION["stopTimeout"] <= 120


def test_the_memory_of_the_containers_fits_a_task_that_fargate_offers():
    assert int(TASK["memory"]) in FARGATE_MEMORY[TASK["cpu"]]
    assert sum(container["memory"] for container in CONTAINERS.values()) <= int(TASK["memory"])
    assert NARU["memoryReservation"] <= NARU["memory"]


def test_naru_may_do_nothing_that_it_does_not_need():
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", NARU["user"])
    assert NARU["readonlyRootFilesystem"] is True
    assert NARU["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert "mountPoints" not in NARU and "secrets" not in NARU


def test_prometheus_finds_the_admin_port():
    port = int(setting("admin").rsplit(":", 1)[1])
    assert [mapping["containerPort"] for mapping in NARU["portMappings"]] == [port]
    assert NARU["dockerLabels"]["ECS_PROMETHEUS_EXPORTER_PORT"] == str(port)
    assert NARU["dockerLabels"]["ECS_PROMETHEUS_METRICS_PATH"] == "/metrics"


def test_only_the_admin_port_can_be_reached_from_outside_the_task():
    assert setting("listen") == "127.0.0.1:4000"


def test_the_squad_is_the_same_wherever_it_stands():
    squads = {environment_of(NARU)["SQUAD"], *(container["dockerLabels"]["squad"] for container in CONTAINERS.values()),
              *(tag["value"] for tag in TASK["tags"] if tag["key"] == "squad")}
    assert squads == {"video"}


def test_the_service_registers_a_port_that_the_application_has():
    (registry,) = SERVICE["serviceRegistries"]
    container = CONTAINERS[registry["containerName"]]
    assert registry["containerPort"] in [mapping["containerPort"] for mapping in container["portMappings"]]
    assert SERVICE["taskDefinition"] == TASK["family"]
    assert SERVICE["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"


def test_the_policy_lets_the_task_find_endpoints_in_its_namespace_and_nothing_else():
    (statement,) = read("iam-policy.json")["Statement"]
    assert statement["Action"] == ["servicediscovery:DiscoverInstances", "servicediscovery:DiscoverInstancesRevision"]
    namespaces = set(re.findall(r"cloudmap://([^/]+)/", TEXT))
    assert statement["Condition"] == {"StringEquals": {"servicediscovery:NamespaceName": namespaces.pop()}} and not namespaces


# The image


def test_what_the_dockerfile_copies_exists():
    copied = [rest.split() for stage in instructions() for word, rest in stage if word == "COPY"]
    assert copied
    for *sources, _ in copied:
        assert all((ROOT / source).exists() for source in sources), sources


def test_what_the_dockerfile_runs_exists():
    commands = [shlex.split(command) for stage in instructions() for word, rest in stage if word == "RUN"
                for command in re.sub(r"--mount=\S+", "", rest).split("&&")]
    presets = [preset["name"] for preset in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]]
    assert ["tests/install_dependencies.sh"] in commands and os.access(ROOT / "tests/install_dependencies.sh", os.X_OK)
    for command in commands:
        if "--preset" in command:
            assert command[command.index("--preset") + 1] in presets
    (packages,) = [command for command in commands if command[:2] == ["apt-get", "install"]]
    from_debian = [word for word in packages[2:] if not word.startswith(("-", "/"))]
    subprocess.run(["dpkg-query", "-W", *from_debian], check=True, capture_output=True)


def test_the_image_is_the_one_that_the_task_definition_means():
    assert last("USER") == NARU["user"]
    assert json.loads(last("ENTRYPOINT")) == [NARU["healthCheck"]["command"][1]]
    assert json.loads(last("CMD")) == NARU["command"]
    options, command = last("HEALTHCHECK").split(" CMD ")
    assert json.loads(command) == NARU["healthCheck"]["command"][1:]
    said = dict(option.removeprefix("--").split("=") for option in options.split())
    assert said == {"interval": "5s", "timeout": "2s", "retries": "3", "start-period": "10s"}
    assert ("COPY", "examples/ecs/naru.yaml /etc/naru/naru.yaml") in instructions()[-1]


# The task, run


def open_for_writing(pid):
    """The regular files that the process could write, beside what it was given."""
    found = []
    for descriptor in set(os.listdir(f"/proc/{pid}/fd")) - {"0", "1", "2"}:
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            flags = int(pathlib.Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text().split("flags:")[1].split()[0], 8)
            if flags & os.O_ACCMODE != os.O_RDONLY and stat.S_ISREG(os.stat(f"/proc/{pid}/fd/{descriptor}").st_mode):
                found.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    return found


def status(pid, field):
    return int(re.search(rf"^{field}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])


@pytest.fixture
def task(private_network, tmp_path, upstream):
    """naru as the task would run it, its two services in a Cloud Map, each with one endpoint that answers its own name."""
    environment = {**os.environ, **SANITIZER_ENVIRONMENT, **environment_of(NARU)}
    with cloud_map.running() as registry:
        for name, address in zip(("courses", "payments"), ADDRESSES):
            peer = upstream(ok(name.encode()), host=address)
            registry.service("prod", name).register("a-task", peer.host, peer.port)
        environment |= {"AWS_REGION": cloud_map.REGION, "AWS_ENDPOINT_URL_SERVICEDISCOVERY": registry.url,
                        "AWS_CONTAINER_CREDENTIALS_FULL_URI": registry.url + cloud_map.TASK_CREDENTIALS,
                        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the agent's token"}
        with open(tmp_path / "naru.log", "wb") as log:
            naru = subprocess.Popen(
                ["unshare", "--mount", sys.executable, ROOT / "tests/integration/support/read_only_task.py", BINARY,
                 CONFIGURATION, NARU["user"].split(":")[0]], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        try:
            yield naru
        finally:
            naru.terminate()
            print((tmp_path / "naru.log").read_text())
            assert naru.wait(6 * PATIENCE) == 0


def healthy(naru):
    assert naru.poll() is None, f"naru ended with {naru.returncode}"
    check = NARU["healthCheck"]["command"]
    return run_command(*check[2:], "-c", CONFIGURATION, environment=environment_of(NARU)).returncode == 0


@pytest.mark.limit(120)
def test_the_task_is_healthy_and_calls_what_cloud_map_says(task):
    eventually(lambda: healthy(task), "the container's health check passes", 3 * PATIENCE)
    for variable, url in environment_of(APPLICATION).items():
        with urllib.request.urlopen(url + "/v1/x", timeout=PATIENCE) as answer:
            assert answer.read().decode() == variable.removesuffix("_URL").lower()
    labels = NARU["dockerLabels"]
    metrics = f"http://127.0.0.1:{labels['ECS_PROMETHEUS_EXPORTER_PORT']}{labels['ECS_PROMETHEUS_METRICS_PATH']}"
    with urllib.request.urlopen(metrics, timeout=PATIENCE) as answer:
        assert 'caller_squad="video"' in answer.read().decode()
    assert status(task.pid, "Uid") == int(NARU["user"].split(":")[0])
    assert open_for_writing(task.pid) == []
    assert sanitized() or status(task.pid, "VmRSS") / 1024 < NARU["memoryReservation"]


# The page


def test_the_page_names_files_and_keys_that_exist():
    page = (EXAMPLE / "README.md").read_text()
    for link in re.findall(r"\]\(([^)]+)\)", page):
        assert (EXAMPLE / link).exists(), link
    reference = (ROOT / "docs/reference/configuration.md").read_text()
    table = page[page.index("| App Mesh | Envoy |"):page.index("`naru explain GET")]
    cells = [row.split("|")[3] for row in table.splitlines() if row]
    named = [key for cell in cells for key in re.findall(r"`([a-z_.]+):", cell)]
    assert len(named) > 20
    for key in named:
        assert f"`{key}`" in reference or f".{key}`" in reference, key
