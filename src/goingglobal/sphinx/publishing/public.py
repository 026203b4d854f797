"""All that is put on the web, whole or not at all: the site, Python in the browser, PDF, EPUB, and the kept editions.

    python -m goingglobal.sphinx.publishing.public            # `make public`: `_build/public`, to be served as it is
    python -m goingglobal.sphinx.publishing.public edition    # `make edition`: this version, as an archive

Both need the site's and the repository's public addresses (`settings`; the workflows set them). An edition's pages name
its own path as their address; its notebooks install the library of its own tag and have a branch of their own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

import yaml
from sphinx.errors import ConfigError

from goingglobal import _console
from goingglobal.sphinx import build, settings, state
from goingglobal.sphinx.elsewhere import launch, lite
from goingglobal.sphinx.publishing import editions, versions
from goingglobal.sphinx.taking import paper

KEPT = Path("_build/editions")  # archives of editions, fetched by the workflows or made by `make edition`
NOTEBOOKS = Path("_build/notebooks")  # what the branch of notebooks holds beside the rest of the repository
_SUMS = "SHA256SUMS"


class PublicError(RuntimeError):
    """The book can't be published; the message says what is missing."""


def addresses(root: Path) -> tuple[str, launch.Repository]:
    """The site's public address and the public repository. Raises `PublicError` where one is not known."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    try:
        site, where = settings.site((config.get("html") or {}).get("baseurl")), launch.repository(root)
    except ConfigError as error:
        raise PublicError(str(error)) from None
    if where is None:
        raise PublicError("this repository has no public remote, so nobody could open its notebooks: git remote add "
                          f"origin https://host/owner/name, or set {settings.REPOSITORY}; nothing was published")
    if not site:
        raise PublicError(f"the site's public address is not known: set {settings.SITE}=https://host/path/, or html: "
                          "baseurl in _config.yml; nothing was published")
    return site, where


def whole(root: Path, out: Path) -> None:
    """Build the site with everything a reader takes from it, in `out`. Raises `PublicError`."""
    try:
        if build.main(root) or build.main(root, lite.build(root)):  # the program holds the reading copies
            raise PublicError("the site was not built; nothing was published")
        papers = [make(root, root / "_build" / "paper") for make in (paper.pdf, paper.epub)]
    except (lite.LiteError, paper.PaperError) as error:
        raise PublicError(str(error)) from None
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(root / "_build" / "html", out)
    for made in papers:
        target = out / "paper" / made.name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(made, target)
    editions.offer(out, [f"paper/{made.name}" for made in papers])
    (out / ".nojekyll").touch()  # a host of branches would leave out folders that begin with _


def notebooks(root: Path, where: launch.Repository) -> Path:
    """The notebooks with the repository's address in their first cells, as the branch of notebooks has them.

    Beside those in `book/`, what the site offers in `notebooks/`.
    """
    out = root / NOTEBOOKS
    shutil.rmtree(out, ignore_errors=True)
    for path in launch.notebooks(root):
        target = out / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        stamped = launch.stamped(path.stem, path.read_text(encoding="utf-8"), where)
        target.write_text(stamped, encoding="utf-8", newline="\n")
    offered = root / "_build" / "html" / "notebooks"
    if offered.is_dir():
        shutil.copytree(offered, out / "notebooks")
    return out


def public(root: Path) -> Path:
    """Build `_build/public`; the last one stays until the new one is whole."""
    _, where = addresses(root)
    out, fresh = root / "_build" / "public", root / "_build" / "public.new"
    try:
        whole(root, fresh)
        known = editions.beside(fresh, root / KEPT)
        notebooks(root, where)
    except (PublicError, editions.EditionError):
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)
    print(f"what is published is in {out.relative_to(root)}, with {len(known)} kept editions")
    return out


def edition(root: Path) -> Path:
    """Archive this version in `_build/editions`, with its PDF, its EPUB and their hashes beside it.

    Raises `PublicError` where the files name several versions, where the commit has not the version's tag, or where the
    edition exists.
    """
    site, _ = addresses(root)
    version = versions.library(root)
    tag = f"v{version}"
    if (root / KEPT / editions.name(version)).exists():
        raise PublicError(f"edition {version} exists: {KEPT.as_posix()}/{editions.name(version)}; an edition is never "
                          "made anew. Give this one another version: make version VERSION=...")
    found = versions.faults(root, tag)
    if found:
        raise PublicError("; ".join(found) + f". make version VERSION={version} writes them")
    if tag not in state.git(root, "tag", "--points-at", "HEAD").split():
        raise PublicError(f"this commit is not tagged {tag}: git tag {tag}, or another version by make version")
    if state.git(root, "status", "--porcelain"):
        raise PublicError("there are changes that are not committed; an edition is made from its tag alone")
    os.environ |= {settings.SITE: f"{site}{editions.FOLDER}/{version}/", settings.REF: tag}
    if os.environ.get(settings.READING):
        os.environ[settings.READING] += f"-{tag}"
    fresh = root / "_build" / "edition.new"
    try:
        whole(root, fresh)
        made = [editions.pack(fresh, root / KEPT)]
        for file in sorted((fresh / "paper").iterdir()):
            made.append(made[0].with_name(f"{file.stem}-{version}{file.suffix}"))
            shutil.copyfile(file, made[-1])
        notebooks(root, launch.repository(root))
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made)
    (root / KEPT / _SUMS).write_text(sums, encoding="utf-8", newline="\n")
    print("\n".join(str(path.relative_to(root)) for path in made))
    return made[0]


def main(root: Path, words: list[str]) -> int:
    """0 where it is whole."""
    makers = {(): public, ("edition",): edition}
    if tuple(words) not in makers:
        print("usage: python -m goingglobal.sphinx.publishing.public [edition]", file=sys.stderr)
        return 2
    try:
        makers[tuple(words)](root)
    except (PublicError, editions.EditionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(Path.cwd(), sys.argv[1:]))
