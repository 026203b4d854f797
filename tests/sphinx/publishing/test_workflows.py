"""The workflows of GitHub and GitLab: pins, permissions, commands that exist, and scripts with hosts stood in for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from made import git

from goingglobal.sphinx.taking import browser

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
GITLAB = ROOT / ".gitlab-ci.yml"
SCRIPTS = sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file() and not path.suffix)
WRITES = {  # the only permissions that let a job change something
    ("publish.yml", "deploy"): {"pages": "write", "id-token": "write"},
    ("publish.yml", "reading"): {"contents": "write"},
    ("release.yml", "release"): {"contents": "write", "actions": "write"},
    ("weekly.yml", "refresh"): {"contents": "write", "pull-requests": "write"},
}  # fmt: skip


class Loader(yaml.SafeLoader):
    """YAML as the hosts read it: `on` is a word."""


Loader.yaml_implicit_resolvers = {first: [(tag, regexp) for tag, regexp in rules if tag != "tag:yaml.org,2002:bool"]
                                  for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}  # fmt: skip


def read(path: Path) -> dict:
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def jobs() -> Iterator[tuple[str, str, dict]]:
    for path in FILES:
        for name, job in read(path)["jobs"].items():
            yield path.name, name, job


def gitlab_jobs() -> dict[str, dict]:
    known = {"stages", "default", "variables", "workflow"}
    return {name: job for name, job in read(GITLAB).items() if name not in known}


def commands() -> list[tuple[str, str]]:
    """Every command of every workflow, with where it stands."""
    found = [(f"{file}, {name}", step["run"]) for file, name, job in jobs() for step in job.get("steps", ())
             if "run" in step]  # fmt: skip
    return found + [(f".gitlab-ci.yml, {name}", line) for name, job in gitlab_jobs().items()
                    for part in ("before_script", "script") for line in job.get(part, ())]


def test_the_four_workflows_and_one_file_of_gitlab():
    assert [path.name for path in FILES] == ["checks.yml", "publish.yml", "release.yml", "weekly.yml"]
    assert {"checks", "pages", "edition", "release", "weekly-numbers", "weekly-links", "weekly-refresh"} <= set(
        gitlab_jobs())  # fmt: skip
    assert len(commands()) > 30


def test_actions_are_pinned_by_commit_and_only_the_hosts_own():
    used = [(path.name, line) for path in FILES for line in path.read_text(encoding="utf-8").splitlines()
            if re.search(r"\buses:", line)]  # fmt: skip
    assert len(used) > 15
    pins: dict[str, set[str]] = {}
    for file, line in used:
        if "./.github/workflows/" in line:
            continue
        found = re.fullmatch(r"\s*-?\s*(?:id: \w+)?uses: (actions/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", line)
        assert found, f"{file}: {line.strip()}: expected a commit of 40 digits and its version as a comment"
        pins.setdefault(found[1], set()).add(f"{found[2]} {found[3]}")
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}, "one action, two pins"


def test_permissions_are_the_least():
    for path in FILES:
        assert read(path)["permissions"] == {}, f"{path.name}: jobs ask for what they need, nothing else is given"
    for file, name, job in jobs():
        asked = job["permissions"]
        writes = {what: how for what, how in asked.items() if how != "read"}
        assert writes == WRITES.get((file, name), {}), f"{file}, {name}"
        assert set(asked) <= {"contents", "pages", "id-token", "actions", "pull-requests"}
        for step in job.get("steps", ()):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false"


def test_no_secret_is_needed_and_no_job_runs_for_ever():
    """One may be given: a publisher's key, without which that publisher is left out of the weekly question."""
    for path in (*FILES, GITLAB):
        asked = re.findall(r"\bsecrets\b\S*", path.read_text(encoding="utf-8"))
        assert asked == (["secrets.BEA_API_KEY"] if path.name == "weekly.yml" else []), path.name
    for path in FILES:
        assert set(read(path)["concurrency"]) == {"group", "cancel-in-progress"}, path.name
    for file, name, job in jobs():
        assert "uses" in job or int(job["timeout-minutes"]) <= 120, f"{file}, {name}"


def test_what_comes_from_outside_is_no_part_of_a_command():
    for where, command in commands():
        assert "${{" not in command, f"{where}: a value is given by env:, not put into the command"


def test_commands_name_what_exists():
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    scripts = {path.name for path in SCRIPTS}
    seen: dict[str, set[str]] = {"make": set(), ".ci": set(), "-m": set()}
    for where, command in commands():
        for target in re.findall(r"\bmake (\S+)", command):
            assert target == ".venv/.installed" or target in targets, f"{where}: make {target}"
            seen["make"].add(target)
        for script in re.findall(r"\.ci/(\w+)", command):
            assert script in scripts, f"{where}: .ci/{script}"
            assert os.access(ROOT / ".ci" / script, os.X_OK)
            seen[".ci"].add(script)
        for module in re.findall(r"-m (goingglobal[\w.]+)", command):
            assert find_spec(module), f"{where}: {module}"
            seen["-m"].add(module)
    assert {"public", "edition", "book", "same", "links"} <= seen["make"]
    assert seen[".ci"] == scripts, "a script that no workflow runs"
    assert seen["-m"] == {"goingglobal.sphinx.publishing.versions"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_bash_and_stop_at_the_first_error(path):
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in path.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_commands_are_bash():
    for where, command in commands():
        done = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{where}: {done.stderr}"


def test_published_only_after_the_checks():
    publish, release = (read(FOLDER / f"{name}.yml")["jobs"] for name in ("publish", "release"))
    for workflow, order in ((publish, ("checks", "build", "deploy")), (publish, ("checks", "build", "reading")),
                            (release, ("new", "checks", "build", "release"))):  # fmt: skip
        for before, after in pairwise(order):
            assert workflow[after]["needs"] == before
    assert [step["run"] for step in read(FOLDER / "checks.yml")["jobs"]["checks"]["steps"] if "run" in step][-1] == (
        "bash .ci/run")  # fmt: skip
    order = read(GITLAB)["stages"]
    assert order == ["check", "build", "release", "publish"]
    stages = {name: job["stage"] for name, job in gitlab_jobs().items() if not name.startswith(".")}
    assert stages == {"checks": "check", "weekly-numbers": "check", "weekly-links": "check", "edition": "build",
                      "weekly-refresh": "check",
                      "release": "release", "pages": "publish"}  # fmt: skip


def test_a_devcontainer_runs_the_two_commands():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["onCreateCommand"] == ".ci/tools"
    assert container["updateContentCommand"] == "make .venv/.installed"
    assert container["postCreateCommand"] == "make book"
    assert re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:3\.1[1-4]-\w+", container["image"])
    assert 8000 in container["forwardPorts"]


# ---------------------------------------------------------------------------------------------- scripts, hosts stood in
@pytest.fixture
def stand(tmp_path):
    """Run a script with nothing on the PATH but what is named: commands of this machine, and ones made up."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()

    def run(script: str, *words: str, real: tuple[str, ...] = (), made: dict[str, str] | None = None,
            cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
        shutil.rmtree(bin_)
        bin_.mkdir()
        for name in ("bash", "env", *real):
            (bin_ / name).symlink_to(shutil.which(name))
        for name, code in (made or {}).items():
            (bin_ / name).write_text(f"#!{shutil.which('bash')}\n{code}\n", encoding="utf-8")
            (bin_ / name).chmod(0o755)
        return subprocess.run([str(bin_ / "bash"), f".ci/{script}", *words], cwd=cwd, capture_output=True, text=True,
                              env={"PATH": str(bin_), "LOG": str(tmp_path / "log")} | environment, check=False)

    run.log = tmp_path / "log"
    return run


NOTE = 'echo "$(basename "$0") $*" >>"$LOG"'
SUDO = f'{NOTE}; "$@"'
WISHED = {"Rscript": "", "bwrap": ""}  # what is installed if it can be


@pytest.mark.parametrize("name", [*browser.NAMES])
def test_every_browser_of_the_book_is_enough(stand, name):
    done = stand("tools", made={name: "", "chromedriver": "", "id": "echo 1000", **WISHED})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert stand("tools", made={name: "", "id": "echo 1000", **WISHED}).returncode == 1, "without its driver it is not"


def test_a_browser_by_its_variables(stand, tmp_path, monkeypatch):
    for name in ("my-chrome", "drivers/chromedriver"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    named = {"CHROME_BIN": str(tmp_path / "my-chrome"), "CHROMEWEBDRIVER": str(tmp_path / "drivers")}
    assert stand("tools", made=WISHED, **named).returncode == 0
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    assert browser.find() == named["CHROME_BIN"]
    assert browser.driver() == str(tmp_path / "drivers" / "chromedriver")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROME_BIN")
    monkeypatch.delenv("CHROMEWEBDRIVER")
    assert browser.find() is None
    assert browser.driver() is None
    (tmp_path / "my-chrome").rename(tmp_path / "google-chrome-stable")
    assert browser.find() == str(tmp_path / "google-chrome-stable")


@pytest.mark.parametrize(("user", "through"), [("0", []), ("1000", ["sudo apt-get update -qq"])])
def test_what_is_missing_is_installed_by_root_or_through_sudo(stand, user, through):
    made = {"id": f"echo {user}", "apt-get": NOTE, "sudo": SUDO}
    done = stand("tools", made=made | WISHED, real=("basename",))
    assert done.returncode == 0, done.stderr
    said = stand.log.read_text(encoding="utf-8").splitlines()
    assert [line for line in said if line.startswith("apt-get")] == [
        "apt-get update -qq", "apt-get install -y -qq chromium chromium-driver"]
    assert [line for line in said if line == "sudo apt-get update -qq"] == through
    stand.log.unlink()
    done = stand("tools", made=made | {"Rscript": "exit 1", "chrome": "", "chromedriver": ""}, real=("basename",))
    assert done.returncode == 0, done.stderr
    assert "apt-get install -y -qq --no-install-recommends r-base-core" in stand.log.read_text(encoding="utf-8")
    assert "chromium" not in stand.log.read_text(encoding="utf-8"), "what is there is taken"
    made["apt-get"] = f'{NOTE}; test "$1" = update'
    done = stand("tools", made=made | {"chrome": "", "chromedriver": "", "bwrap": ""}, real=("basename",))
    assert done.returncode == 0
    assert done.stdout.startswith("not installed: r-base-core ")
    assert done.stdout.endswith("; the tests that need them are skipped\n")
    assert stand("tools", made=made | WISHED, real=("basename",)).returncode != 0, "a browser must be there"


def test_without_root_or_sudo_one_line_says_what_to_do(stand):
    done = stand("tools", made={"id": "echo 1000", "apt-get": NOTE})
    assert done.returncode == 1
    assert done.stderr.startswith("error: no Chromium or Chrome with chromedriver on the PATH")
    assert "apt-get install chromium chromium-driver" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not stand.log.exists()
    done = stand("tools", made={"id": "echo 0"})
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    done = stand("tools", made={"id": "echo 1000", "chrome": "", "chromedriver": ""})
    assert (done.returncode, done.stderr) == (0, ""), "what is wished alone is no error"
    assert done.stdout.startswith("not installed: r-base-core ")


def test_addresses_as_the_hosts_say_them(stand):
    gh = {"gh": 'test "$*" = "api repos/someone/book/pages --jq .html_url" && echo https://someone.github.io/some/path/'}
    done = stand("address", made=gh, GITHUB_REPOSITORY="someone/book", GITHUB_SERVER_URL="https://github.com")
    assert done.stdout.splitlines() == [
        "GOINGGLOBAL_READING=reading", "GOINGGLOBAL_SITE=https://someone.github.io/some/path/",
        "GOINGGLOBAL_REPOSITORY=https://github.com/someone/book"]
    done = stand("address", CI_PROJECT_URL="https://gitlab.com/group/book", CI_PAGES_URL="https://group.gitlab.io/book")
    assert done.stdout.splitlines() == ["GOINGGLOBAL_SITE=https://group.gitlab.io/book",
                                        "GOINGGLOBAL_REPOSITORY=https://gitlab.com/group/book"]  # fmt: skip


@pytest.mark.parametrize(("environment", "said"), [
    ({"GITHUB_REPOSITORY": "someone/book"},
     "error: someone/book has no Pages site: Settings, Pages, Source: GitHub Actions; then run this again\n"),
    ({"CI_PROJECT_URL": "https://gitlab.com/a/book"}, "error: https://gitlab.com/a/book has no Pages site: Settings,"),
    ({}, "error: neither GITHUB_REPOSITORY nor CI_PROJECT_URL is set: this is no pipeline of GitHub or GitLab\n"),
])  # fmt: skip
def test_without_pages_one_line_and_no_address(stand, environment, said):
    done = stand("address", made={"gh": "echo '{\"message\": \"Not Found\"}'; exit 1"}, **environment)
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
    assert "GOINGGLOBAL_SITE" not in done.stdout


def test_an_edition_that_is_released_is_refused(stand):
    gh = {"gh": 'test "$*" = "release view v1.0.0 --repo someone/book"'}
    done = stand("new", "v1.0.0", made=gh, GITHUB_REPOSITORY="someone/book")
    assert done.returncode == 1
    assert done.stderr.startswith("error: edition v1.0.0 exists on someone/book; an edition is never made anew.")
    assert stand("new", "v1.0.1", made=gh, GITHUB_REPOSITORY="someone/book").returncode == 0


@pytest.fixture
def clones(tmp_path) -> tuple[Path, Path]:
    """A public repository, and a checkout of it with the script and one notebook."""
    away, here = tmp_path / "away", tmp_path / "here"
    (here / "book").mkdir(parents=True)
    (here / ".ci").mkdir()
    shutil.copyfile(ROOT / ".ci" / "reading", here / ".ci" / "reading")
    (here / "book" / "a.ipynb").write_text("{}", encoding="utf-8")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(away))
    git(here, "init", "--quiet", "--initial-branch=main")
    git(here, "add", ".")
    git(here, "commit", "--quiet", "-m", "one")
    git(here, "push", "--quiet", str(away), "main")
    return away, here


def test_notebooks_are_one_commit_on_the_published_one(stand, clones):
    away, here = clones
    tools = {"real": ("git", "dirname"), "cwd": here, "PUSH_TO": str(away), "HOME": str(here)}
    done = stand("reading", "reading", **tools)
    assert done.returncode == 1
    assert done.stderr == "error: the notebooks are as they were: nothing for the branch reading\n"
    for text in ('{"a": 1}', '{"a": 2}'):  # the second time it replaces the branch
        git(here, "checkout", "--quiet", "-B", "work", "main")
        (here / "book" / "a.ipynb").write_text(text, encoding="utf-8")
        (here / "notebooks").mkdir(exist_ok=True)
        (here / "notebooks" / "copy.ipynb").write_text(text, encoding="utf-8")
        done = stand("reading", "reading", **tools)
        assert done.returncode == 0, done.stderr
        assert git(away, "show", "reading:book/a.ipynb") == text
        assert git(away, "show", "reading:notebooks/copy.ipynb") == text
        assert git(away, "rev-parse", "reading~1") == git(away, "rev-parse", "main")
    assert git(away, "show", "main:book/a.ipynb") == "{}"


@pytest.mark.parametrize("known", ["", "7"])
def test_newer_data_are_proposed_on_a_branch_with_the_report(stand, clones, known):
    away, here = clones
    shutil.copyfile(ROOT / ".ci" / "propose", here / ".ci" / "propose")
    report = here / "_build" / "refresh"
    report.mkdir(parents=True)
    (here / "data").mkdir()
    (here / "CHANGELOG.md").write_text("", encoding="utf-8")
    gh = f'{NOTE}; test "$2" != list || echo "$OPEN"'
    make = f'{NOTE}; echo "${{2#ACCEPT=}}" >>data/tables.csv'
    tools = {"real": ("git", "dirname", "head", "basename"), "made": {"gh": gh, "make": make}, "cwd": here,
             "PUSH_TO": str(away), "HOME": str(here), "GITHUB_REPOSITORY": "a/b", "OPEN": known}  # fmt: skip
    done = stand("propose", "refresh", **tools)
    assert (done.returncode, done.stderr) == (1, "there is no report: nothing is proposed\n")
    (report / "report.md").write_text("# Newer data\n" + "x" * 70_000, encoding="utf-8")
    (report / "report.txt").write_text("", encoding="utf-8")
    done = stand("propose", "refresh", **tools)
    assert (done.returncode, done.stdout) == (0, "nothing is newer: no proposal\n")
    assert not stand.log.exists()
    (report / "report.txt").write_text("country_panel us_multinationals", encoding="utf-8")
    done = stand("propose", "refresh", **tools)
    assert done.returncode == 0, done.stderr
    title, body = "Newer data: country_panel, us_multinationals", "--body-file _build/refresh/report.cut.md"
    how = f"edit {known}" if known else "create --head refresh"
    assert stand.log.read_text(encoding="utf-8").splitlines() == [
        "make refresh ACCEPT=country_panel", "make refresh ACCEPT=us_multinationals",
        "gh pr list --head refresh --state open --json number --jq .[].number", f"gh pr {how} --title {title} {body}",
    ]  # fmt: skip
    assert (report / "report.cut.md").stat().st_size == 60_000
    assert git(away, "show", "refresh:data/tables.csv").split() == ["country_panel", "us_multinationals"]
    assert git(away, "rev-parse", "refresh~1") == git(away, "rev-parse", "main")


def test_kept_editions_are_fetched_from_releases_that_are_versions(stand, tmp_path):
    (tmp_path / ".ci").mkdir()
    shutil.copyfile(ROOT / ".ci" / "kept", tmp_path / ".ci" / "kept")
    gh = """case "$2" in
list) test "${!#}" = '.[].tagName | select(test("^v[0-9]"))' || exit 3; printf 'v0.2.0\\nv0.1.0\\n' ;;
download) test "$3" != "$BAD" || { echo "no assets match" >&2; exit 1; }
  echo "$3" >"_build/editions/x-${3#v}-site.zip" ;;
esac"""
    tools = {"real": ("dirname", "mkdir", "find", "wc"), "made": {"gh": gh}, "cwd": tmp_path,
             "GITHUB_REPOSITORY": "a/b"}  # fmt: skip
    done = stand("kept", BAD="v0.1.0", **tools)
    assert (done.returncode, done.stderr) == (1, "no assets match\n"), "a release without its archive is an error"
    done = stand("kept", BAD="", **tools)
    assert (done.returncode, done.stdout) == (0, "kept editions: 2\n"), done.stderr
    assert sorted(path.name for path in (tmp_path / "_build/editions").iterdir()) == [
        "x-0.1.0-site.zip", "x-0.2.0-site.zip"]  # fmt: skip
