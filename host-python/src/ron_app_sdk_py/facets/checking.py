"""What the component says of a manifest, and what only a host can say: of files and lines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from .finding import Finding
from .toml_text import TomlFault, TomlText

_INTERFACE = "ron:tools/facet-manifests@0.1.0"

Folder = str | os.PathLike[str]


class Checked(NamedTuple):
    """What a manifest comes to.

    Attributes:
        toml: its text as it is written, or None if there are errors.
        findings: errors and warnings.
    """

    toml: str | None
    findings: tuple[Finding, ...]


def check_document(document: Any, root: Folder | None) -> Checked:
    """Checks a manifest.

    Args:
        document: it, in values that JSON has, with the names and nesting of the TOML text.
        root: the folder in which the node is started; its files are not looked at without it.

    Raises:
        RonSandboxError: the component can't be loaded or has trapped.
    """
    from ..engine import tools

    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    written = tools.call(_INTERFACE, "write", text)
    findings = [Finding(told.severity, told.field, told.message) for told in written.findings]
    if root is not None:
        findings += _of_files(written.files, Path(root))
    refused = any(finding.severity == "error" for finding in findings)
    return Checked(None if refused else written.toml, tuple(findings))


def check_text(text: str | bytes, source: str, root: Folder | None) -> Checked:
    """Checks a manifest in TOML. The arguments and errors are those of :func:`check_document`."""
    try:
        toml = TomlText(text)
    except TomlFault as fault:
        return Checked(None, (Finding("error", "", fault.reason, fault.line, source),))
    checked = check_document(toml.document, root)
    findings = [
        replace(finding, line=toml.line_of(finding.field), source=source)
        for finding in checked.findings
    ]
    return Checked(checked.toml, tuple(findings))


def _of_files(files: list[Any], root: Path) -> Iterator[Finding]:
    for file in files:
        fault = _file_fault(file.path, root)
        if fault is not None:
            yield Finding("error", file.field, fault)


def _file_fault(path: str, root: Path) -> str | None:
    try:
        base = root.resolve()
        real = (base / path).resolve(strict=True)
        inside, is_file = real.is_relative_to(base), real.is_file()
    # A circle of links is a RuntimeError before Python 3.13; no name with a NUL is there.
    except (OSError, RuntimeError, ValueError):
        return f"is not there below {root}; without it, the node does not load the facet"
    if not inside:
        return f"leads out of {root} by a link; the node would hand out what is there"
    if not is_file:
        return f"is no file below {root}; name a file"
    return None
