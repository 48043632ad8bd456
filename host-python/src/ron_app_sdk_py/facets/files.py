"""Files of manifests."""

from __future__ import annotations

import os

from ..defaults import MAX_MANIFEST_BYTES


def manifest_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a file: all of it, or more than a manifest may have.

    Raises:
        OSError: it can't be read.
        ValueError: the path is none.
    """
    with open(path, "rb") as file:
        return file.read(MAX_MANIFEST_BYTES + 1)
