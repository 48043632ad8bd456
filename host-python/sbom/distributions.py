"""The Python packages that the wheel asks for, whose versions the installer chooses."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True, slots=True)
class Distribution:
    """A package that is asked for.

    Attributes:
        name: its canonical name.
        versions: the versions that will do, as PEP 440 writes them.
        license: the licence of the version that is installed here.
        extra: the extra that asks for it, or None if all do.
    """

    name: str
    versions: str
    license: str
    extra: str | None


def required(pyproject: Path) -> Iterator[Distribution]:
    """What ``pyproject.toml`` asks for."""
    project = tomllib.loads(pyproject.read_text("utf-8"))["project"]
    groups = {None: project["dependencies"], **project["optional-dependencies"]}
    for extra, requirements in groups.items():
        for requirement in map(Requirement, requirements):
            name = canonicalize_name(requirement.name)
            yield Distribution(name, str(requirement.specifier), _license(name), extra)


def _license(name: str) -> str:
    found = metadata(name)
    # The field before PEP 639; those asked for write an SPDX expression into it.
    license_ = found["License-Expression"] or found["License"]
    if not license_:
        raise RuntimeError(f"the metadata of {name} does not tell its licence")
    return str(license_)
