"""naru check --schema: what an editor says of a file is what check says of it, as far as a schema can know."""

import copy
import json

import jsonschema
import pytest

from support.naru import run_command, yaml

# The example of the contract.
EXAMPLE = {
    "caller": {"squad": "video", "service": "video-api", "zone": "ap-northeast-2a"},
    "listen": "127.0.0.1:4000",
    "admin": "127.0.0.1:4001",
    "workers": 1,
    "drain_timeout": "20s",
    "include": ["catalog/*.yaml"],
    "private": {"allow": []},
    "discovery": {"default": "cloudmap://prod/{service}",
                  "dns": {"servers": ["10.0.0.2"], "min_ttl": "1s", "max_ttl": "30s"}},
    "defaults": {},
    "services": {"courses": {
        "squad": "learning",
        "endpoints": ["10.0.1.11:8080", "10.0.1.12:8080"],
        "hosts": ["api.example.com"],
        "port": 4101,
        "protocol": "auto",
        "timeout": "5s",
        "try_timeout": "2s",
        "connect_timeout": "500ms",
        "idle_timeout": "5m",
        "retry": {"attempts": 2, "on": ["unsent", "refused", "reset", 502, 503, 504, "unavailable"],
                  "backoff": {"base": "25ms", "max": "250ms"},
                  "budget": {"ratio": "20%", "floor": "1/s", "window": "10s"}, "body": "64KiB"},
        "limits": {"concurrent": 100, "queue": 100, "queue_timeout": "250ms"},
        "breaker": {"failure_rate": "50%", "min_calls": 20, "window": "10s", "open_for": "5s", "probes": 1},
        "ejection": {"consecutive": 5, "success_rate": "80%", "min_calls": 5, "window": "10s", "base": "1s",
                     "max": "60s", "keep": "50%"},
        "balance": "p2c",
        "health_check": {"path": "/healthz", "interval": "5s", "timeout": "1s", "healthy": 2, "unhealthy": 3},
        "routes": [{"match": "GET /v1/courses/{id}", "name": "course", "timeout": "800ms"},
                   {"match": "POST /v1/enrolments", "retry": {"idempotent": True}}],
    }},
}


@pytest.fixture(scope="module")
def schema():
    schema = json.loads(run_command("check", "--schema").stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def changed(path, value):
    """The example with one value changed; `path` may name keys that it does not have."""
    config = copy.deepcopy(EXAMPLE)
    *way, last = path.split("/")
    place = config
    for key in way:
        place = place[key]
    place[last] = value
    return config


def is_sound(config, tmp_path):
    path = tmp_path / "naru.yaml"
    path.write_text(yaml(config))
    done = run_command("check", "-c", path)
    assert done.returncode in (0, 1), done.stdout
    return done.returncode == 0


def test_the_example_of_the_contract_is_valid(schema):
    schema.validate(EXAMPLE)


SERVICE = "services/courses"
RIGHT = [
    (f"{SERVICE}/try_timeout", "off"), (f"{SERVICE}/breaker", "off"), (f"{SERVICE}/breaker/failure_rate", 0.5),
    (f"{SERVICE}/breaker/failure_rate", "100%"), (f"{SERVICE}/breaker/failure_rate", "2.5%"),
    (f"{SERVICE}/retry/budget/ratio", "0%"), (f"{SERVICE}/retry/budget/ratio", 0), (f"{SERVICE}/timeout", "5.5s"),
    (f"{SERVICE}/retry/backoff/base", 0), (f"{SERVICE}/retry/backoff/base", "0ms"), (f"{SERVICE}/retry/body", 0),
    ("listen", ["127.0.0.1:4000", "[::1]:4000", "unix:///run/naru.sock"]), ("private/allow", ["198.51.100.0/24"]),
    (f"{SERVICE}/endpoints", "dns://courses.internal:8080"), (f"{SERVICE}/endpoints", "10.0.1.11:8080"),
    (f"{SERVICE}/endpoints", ["${COURSES:-10.0.1.11:8080}"]), ("drain_timeout", "0s"),
    ("services/a.b-c_d1", {"squad": "learning", "endpoints": ["10.0.1.13:8080"]}),
]
WRONG = [
    (f"{SERVICE}/try_timeout", False), (f"{SERVICE}/breaker", False), (f"{SERVICE}/breaker/failure_rate", "150%"),
    (f"{SERVICE}/breaker/failure_rate", 1.5), (f"{SERVICE}/breaker/failure_rate", "0%"),
    (f"{SERVICE}/breaker/failure_rate", "1.5"), (f"{SERVICE}/timeout", "0s"), (f"{SERVICE}/timeout", 0),
    (f"{SERVICE}/timeout", 5), (f"{SERVICE}/timeout", "5 parsecs"), ("listen", 4000), ("listen", [4000]),
    ("listen", "127.0.0.1"), ("admin", 4001), ("private/allow", ["198.51.100.1"]), ("workers", 0),
    (f"{SERVICE}/endpoints", ["10.0.1.11"]), (f"{SERVICE}/endpoints", 8080), (f"{SERVICE}/retries", 3),
    ("services/Courses", {"squad": "learning", "endpoints": ["10.0.1.13:8080"]}),
    ("services/courses-", {"squad": "learning", "endpoints": ["10.0.1.13:8080"]}),
]


@pytest.mark.parametrize("path, value", RIGHT)
def test_what_check_takes_is_valid(schema, tmp_path, path, value):
    schema.validate(changed(path, value))
    assert is_sound(changed(path, value), tmp_path)


@pytest.mark.parametrize("path, value", WRONG)
def test_what_check_refuses_is_not_valid(schema, tmp_path, path, value):
    assert not schema.is_valid(changed(path, value))
    assert not is_sound(changed(path, value), tmp_path)
