"""The package's addresses, from `_config.yml`: none is stated that isn't there. Run by hatchling when it builds."""

from __future__ import annotations

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

SETTINGS = {"Repository": r"^repository:.*\n\s+url: *([^#\n]*)", "Homepage": r"^html:.*\n\s+baseurl: *([^#\n]*)"}


def addresses(config: str) -> dict[str, str]:
    """Name → address, of those that the text of a `_config.yml` states. (No YAML: only hatchling is there.)"""
    found = {name: re.search(pattern, config, re.MULTILINE) for name, pattern in SETTINGS.items()}
    return {name: match[1].strip().strip("\"'") for name, match in found.items() if match and match[1].strip("\"' ")}


class CustomMetadataHook(MetadataHookInterface):
    def update(self, metadata: dict) -> None:
        config = Path(self.root, "_config.yml")
        metadata["urls"] = addresses(config.read_text(encoding="utf-8")) if config.is_file() else {}
