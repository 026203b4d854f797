"""`make lock`: pins with hashes for what pyproject.toml says; the others stay. Prints the pins that moved.

    python tests/lock.py                    # only what pyproject.toml asks for anew
    python tests/lock.py pandas seaborn     # these may rise
    python tests/lock.py all                # everything may
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"


def pins(text: str) -> dict[str, str]:
    """Name → pin, one line each, as `pandas==3.0.1`."""
    return {line.partition("==")[0]: line for line in re.findall(r"(?m)^[^\s=]+==[^\s;]*", text)}


def unknown(names: list[str], known: dict[str, str]) -> str | None:
    """The first name that is neither `all` nor a package of the lock."""
    known_names = {name.lower() for name in known}
    return next((name for name in names if name != "all" and re.sub("[_.]", "-", name).lower() not in known_names),
                None)


def command(names: list[str]) -> list[str]:
    """What resolves the pins; without names, uv keeps every pin that still fits."""
    upgrades = ["--upgrade"] if "all" in names else [word for name in names for word in ("--upgrade-package", name)]
    return [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
            "--generate-hashes", "--no-header", "--no-annotate", "--all-extras", *upgrades, "pyproject.toml", "-o",
            LOCK.name]


def main(names: list[str]) -> int:
    before = pins(LOCK.read_text(encoding="utf-8"))
    wrong = unknown(names, before)
    if wrong is not None:
        print(f"error: UPGRADE={wrong}: requirements.lock has no pin of that name; expected are names of packages in "
              "it, with blanks between them, or all (a new package needs its line in pyproject.toml alone)",
              file=sys.stderr)
        return 1
    code = subprocess.run(command(names), cwd=ROOT, check=False).returncode
    if code:
        return code
    after = pins(LOCK.read_text(encoding="utf-8"))
    moved = [f"{mark} {found[name]}" for name in sorted(before.keys() | after.keys())
             if before.get(name) != after.get(name) for mark, found in (("<", before), (">", after)) if name in found]
    print(*(moved or ["requirements.lock: every pin stays"]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
