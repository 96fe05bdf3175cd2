"""A changed configuration is noticed, whatever it is that was replaced: a file, its folder, a link on the way to it."""

import os
import resource

import pytest

from support.client import get
from support.naru import run_command
from support.upstream import ok
from support.waiting import eventually


@pytest.fixture
def service(upstream):
    """An entry of `services` whose endpoint answers its own name: service("old")."""
    return lambda name: {"squad": "learning", "endpoints": [upstream(ok(name.encode())).address]}


@pytest.fixture
def catalog(tmp_path, service):
    """Writes a file with one service as deployment tools do: catalog(folder / "video.yaml", "media", "new")."""

    def write(path, name, answer):
        fresh = tmp_path / "fresh"
        fresh.write_text(f"services:\n  {name}: {service(answer)}\n")
        os.replace(fresh, path)

    return write


def answers(naru, path, body):
    eventually(lambda: get(naru.port, path).body == body.encode(), f"{path} is answered by {body}")


def test_a_folder_that_is_replaced_is_watched_again(start_naru, service):
    naru = start_naru({"courses": service("0")})
    folder = naru.config_path.parent
    for number in range(1, 4):
        fresh = folder.with_name("fresh")
        fresh.mkdir()
        naru.services["courses"] = service(f"{number} with its folder")
        (fresh / "naru.yaml").write_text(naru.config_text())
        folder.rename(folder.with_name(f"old{number}"))
        fresh.rename(folder)
        answers(naru, "/courses/x", f"{number} with its folder")
        naru.services["courses"] = service(f"{number} edited")
        naru.write_config()
        answers(naru, "/courses/x", f"{number} edited")


def test_a_folder_that_comes_back_is_noticed(start_naru, service):
    naru = start_naru({"courses": service("old")})
    folder, aside = naru.config_path.parent, naru.config_path.parent.with_name("aside")
    log = naru.log_path
    folder.rename(aside)
    naru.log_path = aside / log.name
    eventually(lambda: "does not exist" in naru.log(), "the log says that the file is gone")
    naru.services["courses"] = service("new")
    (aside / "naru.yaml").write_text(naru.config_text())
    assert get(naru.port, "/courses/x").body == b"old"
    aside.rename(folder)
    naru.log_path = log
    answers(naru, "/courses/x", "new")


def test_a_mounted_config_map_is_followed_through_every_swap(start_naru, service, tmp_path):
    """naru.yaml -> ..data/naru.yaml, ..data -> ..1: Kubernetes writes ..2 and renames a new link over ..data."""
    mount = tmp_path / "mount"
    naru = start_naru({"courses": service("0")})
    real = naru.config_path.parent

    def swap(number):
        version = mount / f"..{number}"
        version.mkdir(parents=True)
        (version / "naru.yaml").write_text(naru.config_text())
        os.symlink(version.name, mount / "..data_tmp")
        os.replace(mount / "..data_tmp", mount / "..data")

    swap(0)
    os.symlink("..data/naru.yaml", mount / "naru.yaml")
    os.symlink(mount / "naru.yaml", real / "link")
    os.replace(real / "link", naru.config_path)
    for number in range(1, 4):
        naru.services["courses"] = service(str(number))
        swap(number)
        answers(naru, "/courses/x", str(number))


def test_a_file_behind_a_link_is_noticed_when_it_is_written_in_place(start_naru, service, tmp_path):
    naru = start_naru({"courses": service("old")})
    behind = tmp_path / "behind.yaml"
    behind.write_text(naru.config_text())
    os.symlink(behind, tmp_path / "link")
    os.replace(tmp_path / "link", naru.config_path)
    naru.services["courses"] = service("linked")
    behind.write_text(naru.config_text())
    answers(naru, "/courses/x", "linked")
    naru.services["courses"] = service("edited")
    behind.write_text(naru.config_text())
    answers(naru, "/courses/x", "edited")


def test_included_files_come_and_go(start_naru, service, catalog, tmp_path):
    folder = tmp_path / "catalog"
    naru = start_naru({"courses": service("courses")}, include=[f"{folder}/*.yaml"])
    assert get(naru.port, "/media/x").status == 502
    folder.mkdir()
    catalog(folder / "video.yaml", "media", "first")
    answers(naru, "/media/x", "first")
    catalog(folder / "chat.yaml", "chat", "second")
    answers(naru, "/chat/x", "second")
    catalog(folder / "video.yaml", "media", "edited")
    answers(naru, "/media/x", "edited")
    (folder / "video.yaml").unlink()
    eventually(lambda: get(naru.port, "/media/x").status == 502, "the service of the deleted file is unknown")
    answers(naru, "/chat/x", "second")


def test_a_refusal_is_told_once(start_naru, service):
    naru = start_naru({"courses": service("courses")})
    naru.write_config("listen: [")
    eventually(lambda: "not YAML" in naru.log(), "the refusal is told")
    (naru.directory / "naru.yaml").touch()
    naru.services["courses"] = service("new")
    naru.write_config()
    answers(naru, "/courses/x", "new")
    assert naru.log().count("not YAML") == 1
    assert naru.metric("naru_config_reloads_total", result="refused") == 1


def test_a_file_that_cannot_be_opened_for_want_of_descriptors_is_read_later(start_naru, service):
    naru = start_naru({"courses": service("old")})
    limits = resource.prlimit(naru.pid, resource.RLIMIT_NOFILE)
    naru.services["courses"] = service("new")
    resource.prlimit(naru.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    naru.write_config()
    eventually(lambda: "Too many open files" in naru.log(), "the log says that the file could not be opened")
    resource.prlimit(naru.pid, resource.RLIMIT_NOFILE, limits)
    answers(naru, "/courses/x", "new")
    assert naru.log().count("Too many open files") == 1


def test_a_secret_that_changes_is_taken_into_force(start_naru, service):
    """/config does not say it, and yet it is a change."""
    naru = start_naru({"courses": service("courses")}, discovery={"consul": {"token": "old"}})
    naru.settings["discovery"] = {"consul": {"token": "new"}}
    naru.write_config()
    eventually(lambda: naru.metric("naru_config_reloads_total", result="ok") == 1, "the new token is a reload")


@pytest.mark.parametrize("key, value", [("workers", 2), ("admin", "127.0.0.1:1"), ("caller.squad", "music"),
                                        ("caller.service", "music-api")])
def test_what_needs_a_restart_is_refused_and_said_so(start_naru, service, key, value):
    naru = start_naru({"courses": service("old")})
    naru.services["courses"] = service("new")
    section, _, name = key.partition(".")
    naru.settings[section] = {"squad": "video", "service": "video-api", name: value} if name else value
    naru.write_config()
    answer = naru.reload()
    assert 400 <= answer.status < 500
    assert f"`{key}` cannot change while naru runs: restart it" in answer.body.decode()
    assert get(naru.port, "/courses/x").body == b"old"
    reference = run_command("check", "--reference").stdout
    section = reference.partition(f"## `{section}`" if name else "## The file")[2].partition("\n## ")[0]
    row = next(line for line in section.splitlines() if line.startswith(f"| `{name or key}` |"))
    assert "Changing it needs a restart." in row
