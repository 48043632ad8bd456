"""``python -m sbom``: writes ``host-python/third-party/``."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from .crates import linked
from .distributions import required
from .document import document
from .texts import texts

PACKAGE = Path(__file__).parent.parent
OUT = PACKAGE / "third-party"


def main() -> None:
    """Writes the bill of materials and the licence texts."""
    pyproject = PACKAGE / "pyproject.toml"
    artifacts = PACKAGE / "src" / "ron_app_sdk_py" / "artifacts" / "artifacts.json"
    crates = linked(PACKAGE.parent / "target" / "crates.json")
    bill = document(
        tomllib.loads(pyproject.read_text("utf-8"))["project"],
        json.loads(artifacts.read_text("utf-8")),
        crates,
        required(pyproject),
    )
    OUT.mkdir(exist_ok=True)
    (OUT / "ron-app-sdk-py.cdx.json").write_text(bill, "utf-8")
    (OUT / "LICENSES.txt").write_text(texts(frozenset().union(*crates.values())), "utf-8")
    print(f"{OUT.relative_to(PACKAGE.parent)}: {len(json.loads(bill)['components'])} components")


if __name__ == "__main__":
    main()
