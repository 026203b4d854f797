"""The command: ask the publishers, make candidates, report; or take a candidate over."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from goingglobal import _console, data
from goingglobal.refresh import accepting, candidates, effects, report, sources
from goingglobal.refresh.fetching import Fetcher, RefreshError, Stopped, today

TITLE = "Newer data, and what they would do to the book"


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m goingglobal.refresh", description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="*", help=f"{', '.join(sources.SOURCES)}; all where none is named")
    parser.add_argument("--accept", metavar="TABLE", help="make this candidate the sealed table")
    parser.add_argument("--limit", type=int, metavar="N", help="ask at most N times, then stop cleanly")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop cleanly after M minutes of asking")
    parser.add_argument("--again", action="store_true", help="ask also for what was fetched lately")
    parser.add_argument("--no-book", action="store_true", help="leave out what the candidates do to the book (minutes)")
    parser.add_argument("--title", default=TITLE, help="title of the report")
    parser.add_argument("--folder", type=Path, help="where everything is kept; _build/refresh otherwise")
    args = parser.parse_args(given)
    for name in args.source:
        if name not in sources.SOURCES:
            parser.error(f"no source {name!r}; there are {', '.join(sources.SOURCES)} (and goingglobal.refresh.edinet)")
    return args


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def has_key(source: sources.Source) -> bool:
    """Whether a source can be asked. One that is named is asked in any case, and says what it lacks."""
    return source.key is None or bool(os.environ.get(source.key, "").strip())


def fetch(fetcher: Fetcher, names: list[str]) -> tuple[dict, list[str], str]:
    """By table and source what was fetched; one line for each fault; why it stopped, where it did."""
    found, faults, stopped = {}, [], ""
    fetcher.total = sum(sources.SOURCES[name].requests for name in names)
    for name in names:
        for table in sources.SOURCES[name].tables:
            if stopped:
                continue
            try:
                found.setdefault(table, {})[name] = sources.SOURCES[name].fetch(fetcher, table)
            except RefreshError as error:
                if error.request:
                    fetcher.forget(error.request)
                faults.append(str(error))
                _say(f"error: {error}")
            except Stopped as limit:
                stopped = f"{limit}; what was fetched is kept, and the same command goes on from there."
                _say(stopped)
    if not stopped and not faults:
        fetcher.finish()
    return found, faults, stopped


def refresh(root: Path, folder: Path, args: argparse.Namespace, pause: float | None = None) -> int:
    """0 where every source answered, 1 where one has a fault, 3 where a limit was reached."""
    fetcher = Fetcher(folder, args.limit, args.minutes, again=args.again, say=_say,
                      **({} if pause is None else {"pause": pause}))  # fmt: skip
    names = args.source or [name for name, source in sources.SOURCES.items() if has_key(source)]
    left_out = [f"{source.title}: {source.key} is not set in the environment"
                for name, source in sources.SOURCES.items() if not args.source and name not in names]  # fmt: skip
    for line in left_out:
        _say(f"left out: {line}")
    found, faults, stopped = fetch(fetcher, names)
    candidates.prepare(folder)
    made = {}
    for table, fetched in found.items():
        if not fetched:
            continue
        try:
            candidate = candidates.make(folder, table, fetched)
        except RefreshError as error:
            faults.append(str(error))
            _say(f"error: {error}")
            continue
        if candidate["candidate"] == candidate["sealed"]:
            _say(f"{table}: nothing newer")
            candidates.restore(folder / "data", table)
        else:
            entry = candidate.pop("vintage")
            made[table] = candidate | {"entry": entry, "vintage": entry["vintage"]} | candidates.compare(
                folder / "data", table)  # fmt: skip
    told = {"title": args.title, "made": today(), "candidates": made, "faults": faults, "stopped": stopped,
            "left_out": left_out}  # fmt: skip
    if made and not args.no_book:
        _say("what it does to the book: running the notebooks with today's tables and with the candidates …")
        kept = folder / "results"
        told["book"] = effects.compare(root, effects.run_all(root, data.data_folder(), kept, _say),
                                       effects.run_all(root, folder / "data", kept, _say))  # fmt: skip
    report.save(folder, told)
    print(report.summary(told))
    print(f"the report: {folder / 'report.html'}")
    for table in made:
        print(f"to take {table} over: make refresh ACCEPT={table}")
    return 1 if faults else 3 if stopped else 0


def main(given: list[str] | None = None, pause: float | None = None) -> int:
    """See `refresh`; with `--accept` 0 where the table was taken over, 1 where it was refused."""
    args, folder = _arguments(given), data.data_folder()
    root = folder.parent
    if not (root / "book").is_dir() or not (folder / "build").is_dir():
        print("error: run it in a checkout of the repository: tables are made anew by data/build", file=sys.stderr)
        return 1
    place = args.folder or root / "_build" / "refresh"
    place.mkdir(parents=True, exist_ok=True)
    try:
        accepting.resume(root, place)
        if args.accept:
            print("\n".join(accepting.accept(root, place, args.accept)))
            return 0
        return refresh(root, place, args, pause)
    except (RefreshError, data.DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    _console.forgive()
    if os.name != "nt":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("stopped; what was fetched is kept, and the same command goes on from there", file=sys.stderr)
        sys.exit(130)
