"""What a candidate does to the book: the notebooks run with the candidates' data, today's results beside theirs.

The data folder is the setting that every reader has, `GOINGGLOBAL_DATA`: `load` checks the candidate by its own
descriptor, as it checks the sealed table. Each notebook runs alone, in a process of its own; what one reports is kept
under the digest of what it depends on, so that nothing runs twice.

    python -m goingglobal.refresh.effects NOTEBOOK OUT.json     # one notebook, by the data of GOINGGLOBAL_DATA
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from goingglobal import _console, data
from goingglobal.refresh.fetching import sha256, write_json

PRIMARY = ("jobs/starters/lower", "jobs/starters/upper", "group/starters/le300", "group/stoppers/all",
           "both/us_parents/year", "both/eu_industry/main")  # fmt: skip
_ROLE = re.compile(r"\{result\}`(?:[^`<]*<)?([A-Za-z0-9_]+(?:/[A-Za-z0-9_.-]+)+)>?`")
_QUOTED = re.compile(r"\{result\}`(?:([^`<]*)<)?([^`<>]+)>?`")
_BOX = re.compile(r"(?ms)^`{3,}\{headline\}(.*?)^`{3,}")
_LINE = re.compile(r"^([a-z0-9_]+(?:/[A-Za-z0-9_.-]+)+) *\|(?:[^|\n]*\|[^|\n]*\|([^\n]*))?", re.M)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ*“\"{\[])|\n\s*\n")
SHIFT = 1e-6  # relative: below it two runs of the same code may differ
SINGLE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}


# ------------------------------------------------------------------------------------------------------ the notebooks
def run_notebook(path: Path) -> dict:
    """Results by id, and the data files that were read. Raises what a cell raises, with the cell's id in a note."""
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    class Silent(DisplayPublisher):
        def publish(self, *_, **__) -> None: ...

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None) -> None: ...

    folder, read = data.data_folder().resolve(), set()

    def heard(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str | os.PathLike):
            place = Path(arguments[0])
            if place.suffix == ".csv" and place.resolve().parent == folder:
                read.add(place.stem)

    sys.addaudithook(heard)
    shell = Shell.instance(display_pub_class=Silent, user_ns={})
    from goingglobal import results

    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            done = shell.run_cell("".join(cell["source"]))
            error = done.error_before_exec or done.error_in_exec
            if error:
                error.add_note(f"{path.stem}, cell {cell['id']}")
                raise error
    return {"results": results.recorded(), "tables": sorted(read)}


def _digest(root: Path, notebook: Path, folder: Path, tables: list[str]) -> str:
    """What a notebook's results depend on: its code, the library, the pins and the tables that it reads."""
    cells = [cell["source"] for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]
             if cell["cell_type"] == "code"]  # fmt: skip
    package = Path(data.__file__).parent
    library = [p for p in sorted(package.rglob("*.py")) if p.relative_to(package).parts[0] not in ("sphinx", "refresh")]
    parts = [json.dumps(cells).encode(), *(p.read_bytes() for p in library), (root / "requirements.lock").read_bytes()]
    parts += [(folder / f"{table}.csv").read_bytes() for table in tables]
    return sha256(b"".join(sha256(part).encode() for part in parts))


def run_all(root: Path, folder: Path, kept: Path, say: Callable[[str], None], cores: int | None = None) -> dict:
    """Every notebook of the book by the tables of `folder`: results with `page`, and what stopped.

    `kept` is where results stay; a notebook is run only where its cells, the library or its tables are others.
    """
    notebooks = sorted({*root.glob("book/*.ipynb"), *root.glob("book/appendix/*.ipynb")})

    def one(notebook: Path) -> tuple[str, dict]:
        page = notebook.relative_to(root / "book").with_suffix("").as_posix()
        reads = kept / f"{page.replace('/', '-')}.tables.json"
        if reads.is_file():
            digest = _digest(root, notebook, folder, json.loads(reads.read_text(encoding="utf-8")))
            place = kept / f"{page.replace('/', '-')}.{digest[:16]}.json"
            if place.is_file():
                return page, json.loads(place.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / "out.json"
            done = subprocess.run(
                [sys.executable, "-m", "goingglobal.refresh.effects", str(notebook.resolve()), str(out)], cwd=scratch,
                capture_output=True, text=True, encoding="utf-8", errors="replace", check=False,
                env=os.environ | {"GOINGGLOBAL_DATA": str(folder.resolve())} | SINGLE)  # fmt: skip
            if done.returncode:
                last = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["it ended without words"]
                say(f"  {page}: stopped")
                return page, {"results": {}, "stopped": last[-1]}
            answer = json.loads(out.read_text(encoding="utf-8"))
        write_json(reads, answer["tables"])
        digest = _digest(root, notebook, folder, answer["tables"])
        write_json(kept / f"{page.replace('/', '-')}.{digest[:16]}.json", answer)
        say(f"  {page}: {len(answer['results'])} results")
        return page, answer

    with ThreadPoolExecutor(cores or 2) as pool:
        answers = dict(pool.map(one, notebooks))
    found = {}
    for page, answer in answers.items():
        found |= {id_: record | {"page": page} for id_, record in answer["results"].items()}
    return {"results": found, "stopped": {page: a["stopped"] for page, a in answers.items() if "stopped" in a}}


# ------------------------------------------------------------------------------------------------------- the sentences
def pages(root: Path) -> dict[str, list[str]]:
    """Prose of every page, by its name, in blocks."""
    found = {}
    for path in sorted({*root.glob("book/*"), *root.glob("book/appendix/*")}):
        name = path.relative_to(root / "book").with_suffix("").as_posix()
        if path.suffix == ".md":
            found[name] = [path.read_text(encoding="utf-8")]
        elif path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            found[name] = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    return found


def headlines(root: Path) -> list[str]:
    """Ids in the charts of the chapters' first boxes, and the ends of their intervals."""
    ids = []
    for blocks in pages(root).values():
        for box in _BOX.findall("\n".join(blocks)):
            for id_, interval in _LINE.findall(box):
                ids += [id_, *interval.split()]
    return list(dict.fromkeys(id_ for id_ in ids if "/" in id_))


def sentences(root: Path) -> list[tuple[str, str, list[str]]]:
    """Page, sentence and the ids that it quotes, for every sentence that quotes a result."""
    found = []
    for page, blocks in pages(root).items():
        for block in blocks:
            for sentence in _SENTENCE.split(block):
                if ids := _ROLE.findall(sentence):
                    found.append((page, " ".join(sentence.split()), ids))
    return found


def significant(record: dict) -> bool | None:
    """Whether the interval leaves zero out, or a p-value is below 0.05; None where neither is given."""
    if str(record.get("unit", "")).startswith("p-value"):
        return record["value"] < 0.05
    low, high = record.get("ci_low"), record.get("ci_high")
    return None if low is None or high is None else bool(low > 0 or high < 0)


def changes(before: dict, after: dict) -> list[str]:
    """In what a result's record would read otherwise: "rounding" (its text), "sign", "significance"."""
    said = []
    if before["text"] != after["text"]:
        said.append("rounding")
    if before["value"] * after["value"] < 0:
        said.append("sign")
    if significant(before) is not None and significant(before) != significant(after):
        said.append("significance")
    return said


def moved(before: dict, after: dict) -> bool:
    """Whether a value, an end of its interval or its n is another."""
    for name in ("value", "se", "ci_low", "ci_high", "n"):
        one, two = before.get(name), after.get(name)
        if (one is None) != (two is None) or (one is not None and abs(one - two) > SHIFT * max(1.0, abs(one))):
            return True
    return False


def frozen(root: Path) -> set[str]:
    """Ids whose values the tests hold."""
    ids = set()
    for path in sorted((root / "tests" / "estimates").glob("*.json")):
        ids |= set(json.loads(path.read_text(encoding="utf-8")))
    return ids


def compare(root: Path, today: dict, candidate: dict) -> dict:
    """Primary estimates and headlines beside each other, all ids that move, sentences, frozen values."""
    one, two = today["results"], candidate["results"]
    shared = [id_ for id_ in one if id_ in two]
    moving = [id_ for id_ in shared if moved(one[id_], two[id_])]

    def line(id_: str) -> dict:
        parts = ("value", "ci_low", "ci_high", "n", "text")
        pick = {"today": {p: one[id_].get(p) for p in parts},
                "candidate": {p: two[id_].get(p) for p in parts} if id_ in two else None}  # fmt: skip
        says = changes(one[id_], two[id_]) if id_ in two else ["gone"]
        return {"id": id_, "page": one[id_]["page"], "unit": one[id_]["unit"], "moved": id_ in set(moving),
                "changes": says, **pick}  # fmt: skip

    told = []
    for page, sentence, ids in sentences(root):
        says = {id_: changes(one[id_], two[id_]) for id_ in ids if id_ in one and id_ in two}
        says = {id_: what for id_, what in says.items() if what}
        if says:
            texts = {id_: [one[id_]["text"], two[id_]["text"]] for id_ in says}
            shown = _QUOTED.sub(lambda role: one.get(role[2], {}).get("text", role[0]), sentence)
            told.append({"page": page, "sentence": sentence, "shown": shown, "ids": says, "texts": texts})
    return {
        "primary": [line(id_) for id_ in PRIMARY if id_ in one],
        "headlines": [line(id_) for id_ in headlines(root) if id_ in one and id_ not in PRIMARY],
        "moved": [line(id_) for id_ in moving],
        "only_today": sorted(set(one) - set(two)), "only_candidate": sorted(set(two) - set(one)),
        "sentences": told, "stopped": candidate["stopped"],
        "frozen": sorted(set(moving) & frozen(root)), "results": len(one),
    }  # fmt: skip


def main(notebook: str, out: str) -> int:
    """0 where every cell ran; else the last line says which did not, and why."""
    shown, sys.stdout = sys.stdout, sys.stderr
    try:
        answer = run_notebook(Path(notebook))
    except Exception as error:  # noqa: BLE001 what a cell raises is anything, and is told
        where = "".join(getattr(error, "__notes__", []))
        print(f"{where}: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    finally:
        sys.stdout = shown
    write_json(Path(out), answer)
    return 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(*sys.argv[1:]))
