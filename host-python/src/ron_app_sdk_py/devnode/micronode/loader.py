"""Loads the facets of a folder: ``protocol.md`` 6.2."""

from __future__ import annotations

import logging
from pathlib import Path

from .manifest import Manifest, ManifestError, read

_LOGGER = logging.getLogger("ron_app_sdk_py.devnode")


def load(folder: Path) -> tuple[Manifest, ...]:
    """The manifests of a folder, those of folders in it not included, in the order of their names.
    One that is no good is skipped and logged, and so is one with the id of an earlier one.

    Args:
        folder: the folder.
    """
    manifests: dict[str, Manifest] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            manifest = read(path.read_text("utf-8"))
            if manifest.id in manifests:
                raise ManifestError(f"another facet has the id {manifest.id!r}")
            if manifest.kind == "static":
                _check_files(manifest)
        except (OSError, ValueError) as error:
            _LOGGER.warning("%s is skipped: %s", path, error)
            continue
        manifests[manifest.id] = manifest
    if not manifests:
        _LOGGER.error("%s has no facet that can be loaded", folder)
    return tuple(manifests.values())


def _check_files(manifest: Manifest) -> None:
    # As they are written, so from the working directory.
    for route in manifest.routes:
        if route.file is not None and not Path(route.file).exists():
            raise ManifestError(f"static file not found: {route.file}")
