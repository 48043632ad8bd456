"""Puts into the package what is built outside of it; without that, no package is built."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ARTIFACTS = ("artifacts.json", "ron_host.wasm", "ron_tools.wasm")
BILL = "third-party/ron-app-sdk-py.cdx.json"
LICENSES = "third-party/LICENSES.txt"
"""Its place in the package is in ``license-files``."""


class ArtifactsHook(BuildHookInterface[Any]):
    """Names the artifacts: all else in their folder stays out. And the bill of materials."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises if a file is missing.

        An installation that stays in the checkout (``editable``) needs the artifacts only.
        """
        needed = [f"src/ron_app_sdk_py/artifacts/{name}" for name in ARTIFACTS]
        build_data["artifacts"] += needed
        if version != "editable":
            needed += [BILL, LICENSES]
            build_data["artifacts"].append("third-party/*")
            build_data["sbom_files"] = [BILL]
        missing = [name for name in needed if not Path(self.root, name).is_file()]
        if missing:
            raise RuntimeError(
                f"what the build makes is missing ({', '.join(missing)}): run `make build` in the "
                "repository, which makes it, or install the wheel, which has it"
            )
