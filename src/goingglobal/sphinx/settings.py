"""Settings in the environment that say where the book is published; they go before those in `_config.yml`.

A publishing workflow sets them from what its host says (`.ci/address`), so that canonical links, link previews, Binder
and Colab follow without an edit. None of them is needed for `make book`.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

SITE = "GOINGGLOBAL_SITE"  # the site's public address; before `html: baseurl`
REPOSITORY = "GOINGGLOBAL_REPOSITORY"  # the repository's; before `repository: url`, which goes before the git remote
REF = "GOINGGLOBAL_REF"  # branch, tag or commit; before `repository: branch`
READING = "GOINGGLOBAL_READING"  # branch that holds the notebooks to read and run, with this address in them
ALL = (SITE, REPOSITORY, REF, READING)


def first(name: str, configured: str | None, setting: str) -> tuple[str, str]:
    """A setting's value and the name it goes by: of the environment's variable `name`, else as configured."""
    found = os.environ.get(name, "").strip()
    return (found, name) if found else (configured or "", setting)


def site(configured: str | None) -> str:
    """The site's public address with a slash at its end; "" where none is set.

    Raises `sphinx.errors.ConfigError` for what is not an address like https://host/path/.
    """
    from sphinx.errors import ConfigError

    address, name = first(SITE, configured, "html.baseurl")
    parts = urlsplit(address)
    if address and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise ConfigError(f"{name} is {address!r}; expected an address like https://host/path/")
    return address.rstrip("/") + "/" if address else ""
