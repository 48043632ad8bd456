"""The licence texts of what is linked into the artifacts, each text once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from .crates import Crate

_NAMES = ("licen", "copying", "copyright", "notice", "unlicense")
_RULE = "-" * 80
_HEAD = """\
The WebAssembly artifacts of ron-app-sdk-py are linked of its own crates and of those named here.
Each text follows the crates whose packages hold it.
"""


def texts(crates: Iterable[Crate]) -> str:
    """The text of the file.

    Raises:
        RuntimeError: a crate of the registry has no licence text in its package.
    """
    holders: defaultdict[str, list[str]] = defaultdict(list)
    found: dict[str, tuple[str, str]] = {}
    for crate in sorted(set(crates)):
        if crate.is_own:
            continue
        files = _files(crate.folder)
        if not files and crate.sha256 is not None:
            raise RuntimeError(f"{crate.name} {crate.version} has no licence text in its package")
        for file in files:
            text = file.read_text("utf-8").strip()
            key = " ".join(text.split())
            holders[key].append(f"{crate.name} {crate.version}")
            # Texts that are alike stand side by side: that halves the file once it is compressed.
            found.setdefault(key, (file.name.lower(), text))
    parts = [_HEAD]
    for key, (_, text) in sorted(found.items(), key=lambda item: item[1]):
        parts.append(f"{_RULE}\n{', '.join(holders[key])}\n{_RULE}\n\n{text}\n")
    return "\n".join(parts)


def _files(folder: Path | None) -> list[Path]:
    files = [] if folder is None else [file for file in folder.iterdir() if file.is_file()]
    return sorted(file for file in files if file.name.lower().startswith(_NAMES))
