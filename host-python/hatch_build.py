"""Puts the WebAssembly artifacts into the package, which isn't built without them."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ARTIFACTS = ("artifacts.json", "ron_host.wasm", "ron_tools.wasm")


class ArtifactsHook(BuildHookInterface[Any]):
    """Names the artifacts: all else in their folder stays out."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises if an artifact is missing."""
        folder = Path(self.root, "src", "ron_app_sdk_py", "artifacts")
        missing = [name for name in ARTIFACTS if not (folder / name).is_file()]
        if missing:
            raise RuntimeError(
                f"the WebAssembly artifacts are missing ({', '.join(missing)}): run `make build` "
                "in the repository, which compiles them, or install the wheel, which has them"
            )
        build_data["artifacts"] += [f"src/ron_app_sdk_py/artifacts/{name}" for name in ARTIFACTS]
