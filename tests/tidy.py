"""`make check`: style, spelling, notebooks without outputs, data as sealed. Says what is wrong; 1 if anything is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def commands(root: Path = ROOT) -> list[list[str]]:
    """What is run, one after the other until one fails; by modules, as Windows calls its scripts otherwise."""
    notebooks = sorted(path.relative_to(root).as_posix() for path in (root / "book").rglob("*.ipynb")
                       if ".ipynb_checkpoints" not in path.parts)  # fmt: skip
    return [["ruff", "check", "."], ["codespell_lib"], ["nbstripout", "--verify", "--keep-id", *notebooks],
            ["goingglobal.data", "check"]]


def main() -> int:
    return int(any(subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
                   for command in commands()))  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
