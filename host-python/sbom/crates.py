"""The crates that are linked into the artifacts, as ``ron-build`` lists them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Crate:
    """A crate.

    Attributes:
        name: its name; ``std`` stands for all crates of the standard library's workspace.
        version: its version; that of ``std`` is rustc's.
        license: its licence, as ``Cargo.toml`` says it.
        sha256: the digest of its package in the registry; None if it comes from none.
        folder: where its licence texts are, or None if they are not on this machine.
        is_own: whether it is a part of this project.
    """

    name: str
    version: str
    license: str
    sha256: str | None
    folder: Path | None
    is_own: bool


def linked(file: Path) -> Mapping[str, frozenset[Crate]]:
    """The crates in each artifact.

    Args:
        file: ``target/crates.json``.
    """
    written = json.loads(file.read_text("utf-8"))
    crates = {
        (one["name"], one["version"]): _crate(one, written["std"]) for one in written["crates"]
    }
    return {
        artifact: frozenset(crates[name, version] for name, version in ids)
        for artifact, ids in written["linked"].items()
    }


def _crate(entry: dict[str, Any], std: list[str]) -> Crate:
    name, version = entry["name"], entry["version"]
    folder = entry["folder"]
    return Crate(
        name,
        version,
        entry["license"],
        _checksums(Path(entry["lock"]))[name, version] if entry["is-published"] else None,
        None if folder is None else Path(folder),
        is_own=not entry["is-published"] and [name, version] != std,
    )


@cache
def _checksums(lock: Path) -> dict[tuple[str, str], str]:
    packages = tomllib.loads(lock.read_text("utf-8"))["package"]
    return {
        (package["name"], package["version"]): package["checksum"]
        for package in packages
        if "checksum" in package
    }
