"""`make watch`: build on every save, and reload the page in the browser (sphinx-autobuild's server around our build).

It builds as `make book` does, no more and no less: what that refuses is said here, and the last good site stays.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from goingglobal import _console
from goingglobal.sphinx import build, serve, state


def rebuild(root: Path, *, changed_paths: Sequence[Path]) -> int:
    """Build after a change; the exit code of the build, whose words are printed."""
    names = sorted({path.relative_to(root).as_posix() for path in changed_paths if path.is_relative_to(root)})
    if names:
        print(f"\nsaved: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}", flush=True)
    return build.main(root)


def ignored(root: Path) -> list[str]:
    """Patterns of paths that are not watched: what a build writes and no page is made from."""
    names = [*state.NOT_READ, ".venv*", "*.egg-info"]
    return [str(root / pattern) for name in names for pattern in (name, f"**/{name}", f"**/{name}/**")]


def application(root: Path, port: int):
    """The server: the site, with a script on each page that reloads it after a build."""
    from sphinx_autobuild.filter import IgnoreFilter
    from sphinx_autobuild.middleware import JavascriptInjectorMiddleware
    from sphinx_autobuild.server import RebuildServer
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Mount, WebSocketRoute
    from starlette.staticfiles import StaticFiles

    watcher = RebuildServer([root], IgnoreFilter(ignored(root), []), change_callback=partial(rebuild, root))
    site = StaticFiles(directory=root / "_build" / "html", html=True, check_dir=False)
    return Starlette(
        routes=[WebSocketRoute("/websocket-reload", watcher), Mount("/", app=site)],
        middleware=[Middleware(JavascriptInjectorMiddleware, ws_url=f"{serve.HOST}:{port}")], lifespan=watcher.lifespan)


def main(root: Path, word: str) -> int:
    """Build, serve and watch until stopped. A first build that fails is watched for its mending."""
    import uvicorn

    try:
        port = serve.free(word, "watch")
    except serve.PortError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    rebuild(root, changed_paths=())
    print(f"http://localhost:{port}/  rebuilt on every save (Ctrl-C ends it)", flush=True)
    uvicorn.run(application(root, port), host=serve.HOST, port=port, log_level="warning")
    return 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(Path.cwd(), sys.argv[1]))
