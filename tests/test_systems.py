"""Windows and macOS, as far as a test on Linux can see: lines, names, encodings, consoles, commands without make."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, SITE

SOURCES = [*sorted((ROOT / "src").rglob("*.py")), *sorted((ROOT / "data" / "build").glob("*.py"))]
UNIX = "/".join(("", "tmp", ""))  # a folder that Windows hasn't
STATED = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {"x86_64-unknown-linux-gnu": "", "aarch64-unknown-linux-gnu": "", "x86_64-pc-windows-msvc": "",
             "aarch64-apple-darwin": "15.0"}  # the last: macOS, for which one is told  # fmt: skip
LACKING = {("x86_64-apple-darwin", "15.0"): {"argon2-cffi-bindings", "diff-diff", "pikepdf"},
           ("aarch64-apple-darwin", "14.0"): {"pikepdf"}}  # as the page says  # fmt: skip


# ---------------------------------------------------------------------------------------------------- what code says
def _named(call: ast.Call, name: str) -> bool:
    return any(keyword.arg == name for keyword in call.keywords)


def faults(source: str) -> list[str]:
    """What would go wrong, or otherwise, on another system: one line each."""
    found = []
    linux = 'sys.platform.startswith("linux")' in source or '"prlimit"' in source  # it asks, or refuses without
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and not linux and re.match(r"/(tmp|dev|var|home)\b", str(node.value)):
            found.append(f"line {node.lineno}: {node.value}")
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        words = [*node.args[not owner:], *(k.value for k in node.keywords if k.arg == "mode")]
        binary = any(isinstance(word, ast.Constant) and "b" in str(word.value) for word in words)
        opens = name == "open" and owner not in ("pikepdf", "os", "Image") and not binary
        reads = name == "read_text" and not node.args  # with one: its encoding, or the name in a distribution
        if (opens or reads or name == "write_text") and not _named(node, "encoding"):
            found.append(f"line {node.lineno}: {name} without encoding")
        if name == "write_text" and not _named(node, "newline"):
            found.append(f"line {node.lineno}: write_text without newline")
        if owner == "subprocess" and _named(node, "text") and not _named(node, "encoding"):
            found.append(f"line {node.lineno}: {name} decodes without encoding")
        asked = linux or f'hasattr(os, "{name}")' in source
        if name in ("fork", "setsid", "getuid", "geteuid", "killpg") and not asked:
            found.append(f"line {node.lineno}: os.{name}")
    for node in ast.parse(source).body:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None)]
        found += [f"line {node.lineno}: import {name}" for name in names
                  if name in ("resource", "fcntl", "pwd", "grp", "termios")]  # fmt: skip
    return found


def test_code_says_what_it_means_on_every_system():
    assert {path.relative_to(ROOT).as_posix(): found for path in SOURCES
            if (found := faults(path.read_text(encoding="utf-8")))} == {}  # fmt: skip


@pytest.mark.parametrize(("source", "fault"), [
    ("open('x')", "open without encoding"), ("path.open('w')", "open without encoding"),
    ("path.read_text()", "read_text without encoding"), ("open('x', mode='r')", "open without encoding"),
    ("path.write_text('x', encoding='utf-8')", "write_text without newline"), ("import os\nos.fork()", "os.fork"),
    ("subprocess.run(x, text=True)", "run decodes without encoding"), ("import resource", "import resource"),
    (f"place = '{UNIX}x'", f"{UNIX}x"), ("from fcntl import flock", "import fcntl"),
])  # fmt: skip
def test_what_another_system_lacks_is_found(source, fault):
    assert [line.partition(": ")[2] for line in faults(source)] == [fault]


@pytest.mark.parametrize("source", [
    "open('x', 'rb')", "path.open('wb')", "open('x', encoding='utf-8')", "pikepdf.open(x)",
    "subprocess.run(x, text=True, encoding='utf-8')", "def f():\n    import resource",
    "if sys.platform.startswith(\"linux\"):\n    os.fork()", "os.killpg(1, 9) if hasattr(os, \"killpg\") else stop()",
])  # fmt: skip
def test_what_every_system_has_is_left_alone(source):
    assert faults(source) == []


def commands() -> dict[str, ast.If]:
    """Modules that are run as programs, with the block that is their command."""
    found = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
                found[path.relative_to(ROOT).as_posix()] = node
    return found


def test_every_command_forgives_its_console_first():
    found = commands()
    assert "src/goingglobal/data.py" in found
    quiet = {"src/goingglobal/sphinx/kernels.py", "src/goingglobal/own/large.py"}  # no console of their own
    first = {name: ast.unparse(node.body[0]) for name, node in found.items() if name not in quiet}
    assert set(first.values()) == {"_console.forgive()"}, first


# ------------------------------------------------------------------------------------------------ lines and names
def test_tables_are_as_sealed_where_git_turns_lines(tmp_path):
    """A clone as Windows makes it (`core.autocrlf`): tables byte for byte, and no line of any text ends otherwise."""
    if not (ROOT / ".git").exists():
        pytest.skip("no clone: this is an archive")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "-c", "core.autocrlf=true", "-c", "core.eol=crlf", str(ROOT), str(clone)],
                   check=True)  # fmt: skip
    for file in (".gitattributes", "data/datapackage.json"):  # of the commit, which need not be what lies here
        assert (clone / file).is_file()
    environment = {**os.environ, "GOINGGLOBAL_DATA": str(clone / "data")}
    checked = "import sys; from goingglobal import data; [data.load(n) for n in data.table_names()]; print('sealed')"
    done = subprocess.run([sys.executable, "-c", checked], capture_output=True, encoding="utf-8", env=environment)
    assert done.stdout == "sealed\n", done.stderr
    turned = [path.relative_to(clone).as_posix() for path in clone.rglob("*") if path.is_file()
              and ".git" not in path.parts and path.suffix in (".py", ".ipynb", ".md", ".json", ".csv", ".css", ".js",
                                                               ".svg", ".lock", ".yml", ".bib", "")
              and b"\r" in path.read_bytes()]  # fmt: skip
    assert turned == []


def wrong_names(names: list[str]) -> list[str]:
    """Paths that Windows can't hold, or takes for one; one line each."""
    reserved = r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?"
    found = [name for name in names if len(name) > 150 or re.search(r'[<>:"\\|?*\x00-\x1f]', name) or any(
        re.fullmatch(reserved, part) or part.endswith((" ", ".")) for part in name.split("/"))]
    lower: dict[str, str] = {}
    for name in names:
        other = lower.setdefault(name.lower(), name)
        found += [name] if other != name else []
    return found


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("no clone: this is an archive")
    return subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True,
                          encoding="utf-8").stdout.strip("\0").split("\0")  # fmt: skip


def test_every_path_of_the_repository_can_be_held():
    assert "src/goingglobal/data.py" in tracked()
    assert wrong_names(tracked()) == []


@pytest.mark.site
def test_every_path_of_the_site_can_be_held():
    names = [path.relative_to(ROOT).as_posix() for path in SITE.rglob("*")]
    assert "_build/html/results.json" in names
    assert wrong_names(names) == []


@pytest.mark.parametrize("name", ["a:b", "book/aux.py", "what?.md", "x" * 151, "a /b", "book/nul", "end."])
def test_a_name_that_windows_refuses_is_found(name):
    assert wrong_names(["fine.py", name]) == [name]


def test_two_names_that_differ_by_case_are_found():
    assert wrong_names(["book/A.md", "book/a.md"]) == ["book/a.md"]


# ------------------------------------------------------------------------------------------------- without make
def table() -> dict[str, list[str]]:
    """Target → commands, as the page says them."""
    text = (ROOT / "book" / "appendix" / "rerun.md").read_text(encoding="utf-8")
    section = text.partition("## Without make")[2].partition("\n## ")[0]
    return {target: re.findall(r"`([^`]+)`", told)
            for targets, told in re.findall(r"(?m)^\* - (`[a-z`, ]+`)\n  - (`.*`)(?: \(.*\))?$", section)
            for target in re.findall("[a-z]+", targets)}  # fmt: skip


def recipes() -> dict[str, set[str]]:
    """Target → the modules and files that its recipe, and that of what it needs, has Python run."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    rules = dict(re.findall(r"(?m)^([a-z]+):(.*\n(?:\t.*\n|\n(?=\t))*)", text))

    def programs(target: str) -> set[str]:
        head, _, body = rules[target].partition("\n")
        needs = [name for name in head.partition("##")[0].split() if name in rules]
        own = set(re.findall(r"/python (?:-m )?([\w./]+)", body))
        return own.union(*map(programs, needs))

    return {target: programs(target) for target in rules if target != "help"}


def test_every_target_has_its_commands_without_make():
    told = {target: {program for line in lines for program in re.findall(r"^python (?:-m )?([\w./]+)", line)} - {"-c"}
            for target, lines in table().items()}  # fmt: skip
    assert set(told) == set(recipes())
    assert told == {target: programs for target, programs in recipes().items()}


def test_what_the_table_names_is_there():
    for lines in table().values():
        for line in lines:
            module, file = re.match(r"python (?:-m ([\w.]+)|(?:-c .*|([\w/.]+)).*)", line).groups()
            assert module is None or importlib.util.find_spec(module), line
            assert file is None or (ROOT / file).is_file(), line


def test_options_of_tests_are_the_makefiles():
    text = re.sub(r"\\\n\s*", "", (ROOT / "Makefile").read_text(encoding="utf-8"))
    quick = re.search(r"(?m)^QUICK := (.*)$", text)[1]
    for target in ("test", "proofs", "outputs", "quick", "anywhere"):
        wanted = table()[target][-1].removeprefix("python -m pytest")
        assert f"pytest{wanted.replace(quick, '$(QUICK)')}" in text, target


def without_make(folder: Path) -> dict[str, str]:
    """A shell's settings in which git is found and make is not."""
    folder.mkdir()
    (folder / "git").symlink_to(shutil.which("git"))
    return {**{k: v for k, v in os.environ.items() if not k.startswith("MAKE")}, "PATH": str(folder)}


@pytest.mark.environments
@pytest.mark.far
@pytest.mark.site
@pytest.mark.parametrize("target", ["check", "exercises", "address", "book", "epub"])
def test_commands_run_where_make_is_not(tmp_path, target):
    environment = without_make(tmp_path / "bin")
    assert shutil.which("make", path=environment["PATH"]) is None
    for line in table()[target]:
        command = [sys.executable, *line.split()[1:]]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.environments
@pytest.mark.far
@pytest.mark.parametrize("target", ["serve", "watch", "lab"])
def test_servers_start_where_make_is_not(tmp_path, target):
    """They answer; the book is not built anew here."""
    import socket
    import time
    from urllib.request import urlopen

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, *table()[target][-1].replace("8000", str(port)).split()[1:]]
    if target == "lab":
        words += ["--no-browser", f"--port={port}", "--ServerApp.token="]
    running = subprocess.Popen(words, cwd=ROOT, env=without_make(tmp_path / "bin"), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    try:
        for _ in range(600):
            try:
                with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
                    assert page.status == 200
                break
            except OSError:
                assert running.poll() is None, "it ended by itself"
                time.sleep(0.5)
        else:
            pytest.fail("it never answered")
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait()


# ------------------------------------------------------------------------------------------------------- the pins
def resolve(platform: str, python: str, system: str, requirements: Path, target: Path) -> subprocess.CompletedProcess:
    """The pins for another machine, from wheels alone; nothing is installed."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--quiet", "--no-build", "--python-platform",
               platform, "--python-version", python, "--target", str(target), "--no-deps", "-r", str(requirements)]
    environment = {**os.environ, **({"MACOSX_DEPLOYMENT_TARGET": system} if system else {})}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)


@pytest.mark.environments
@pytest.mark.far
@pytest.mark.parametrize("python", STATED)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_pins_have_wheels_for_every_system_stated(tmp_path, platform, python):
    done = resolve(platform, python, PLATFORMS[platform], ROOT / "requirements.lock", tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.environments
@pytest.mark.far
@pytest.mark.parametrize(("platform", "system"), LACKING)
def test_pins_lack_the_wheels_that_the_page_names(tmp_path, platform, system):
    """When these come, the page and the README may promise more."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    left = re.findall(r"(?m)^([^ #\n]+==[^\\\n]*?)\s*\\?$", text)
    lacking, file = set(), tmp_path / "pins.txt"
    while True:
        file.write_text("\n".join(left), encoding="utf-8")
        done = resolve(platform, "3.12", system, file, tmp_path / "target")
        if done.returncode == 0:
            break
        name = re.search(r"Because ([^ =]+)==", done.stderr)
        assert name, done.stderr
        lacking.add(name[1])
        left = [pin for pin in left if not pin.startswith(f"{name[1]}==")]
    assert lacking == LACKING[platform, system]


def test_the_page_names_what_lacks_wheels():
    text = (ROOT / "book" / "appendix" / "rerun.md").read_text(encoding="utf-8")
    assert all(name in text for names in LACKING.values() for name in names)
