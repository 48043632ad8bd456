"""Refuses to build a package without its WebAssembly artifacts."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ARTIFACTS = ("artifacts.json", "ron_client.wasm", "ron_host.wasm")


class ArtifactsHook(BuildHookInterface[Any]):
    """Checks that `make build` or `make components` ran."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises if an artifact is missing."""
        folder = Path(self.root, "src", "ron_app_sdk_py", "artifacts")
        missing = [name for name in ARTIFACTS if not (folder / name).is_file()]
        if missing:
            raise RuntimeError(
                f"the WebAssembly artifacts are missing ({', '.join(missing)}): run `make build` "
                "in the repository, which compiles them, or install the wheel, which has them"
            )
