"""The WebAssembly artifacts inside the package, checked by digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RonSandboxError

FOLDER = Path(__file__).parent.parent / "artifacts"
"""Where the build puts the artifacts."""

HOST = "ron_host.wasm"
"""The composed component."""

CLIENT = "ron_client.wasm"
"""The client component alone, for other hosts. It is no file: it is cut out of the composed one,
which holds it byte for byte."""


TOOLS = "ron_tools.wasm"
"""What clients use beside calls."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A checked artifact.

    Attributes:
        name: what it is called.
        wasm: its bytes.
        sha256: their digest in hexadecimal.
        toolchain: the compiler that made it.
    """

    name: str
    wasm: bytes
    sha256: str
    toolchain: str


def load(name: str = HOST, folder: Path = FOLDER) -> Artifact:
    """Reads an artifact and checks it against the digest that the build wrote.

    Raises:
        RonSandboxError: it is missing (code ``artifact_missing``) or not what was built
            (``artifact_corrupt``).
    """
    manifest = _manifest(folder)
    match manifest["artifacts"].get(name):
        case {"file": str(file), "offset": int(offset), "bytes": int(size), "sha256": str(built)}:
            path = folder / file
        case _:
            raise _corrupt(folder / "artifacts.json", f"it does not say where {name} is")
    try:
        wasm = path.read_bytes()[offset : offset + size]
    except OSError as error:
        raise _missing(path, error) from None
    digest = hashlib.sha256(wasm).hexdigest()
    if digest != built:
        raise _corrupt(
            path, f"{name} has {len(wasm)} bytes and the sha256 {digest}, not the one built"
        )
    return Artifact(name, wasm, digest, str(manifest.get("toolchain", "unknown")))


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "artifacts.json"
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise _missing(path, error) from None
    except (ValueError, RecursionError):
        raise _corrupt(path, "it is not JSON") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("artifacts"), dict):
        raise _corrupt(path, "it lists no artifacts")
    return manifest


def _missing(path: Path, error: OSError) -> RonSandboxError:
    return RonSandboxError(
        f"{path} can't be read ({error.strerror}); install the wheel, or run `make build` in a "
        "checkout",
        code="artifact_missing",
    )


def _corrupt(path: Path, why: str) -> RonSandboxError:
    return RonSandboxError(
        f"{path} is damaged: {why}; reinstall the package, or run `make build` in a checkout",
        code="artifact_corrupt",
    )
