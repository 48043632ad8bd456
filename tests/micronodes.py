"""Micronodes of tests, and the facets that they load."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings

Route = tuple[str, str, dict[str, str]]
"""Method, path, and what else it has."""


def manifest(
    facet_id: str, kind: str, routes: Sequence[Route], upstream: dict[str, Any] | None = None
) -> str:
    """A manifest as TOML. Text in it is written as JSON has it, which TOML reads alike."""
    lines = ["[facet]", f"id = {json.dumps(facet_id)}", f"kind = {json.dumps(kind)}"]
    if upstream is not None:
        lines += ["[upstream]", *(f"{name} = {json.dumps(v)}" for name, v in upstream.items())]
    for method, path, rest in routes:
        members = {"method": method, "path": path, **rest}
        lines += ["[[route]]", *(f"{name} = {json.dumps(v)}" for name, v in members.items())]
    return "\n".join(lines) + "\n"


def to(url: str, **more: Any) -> dict[str, Any]:
    """The upstream that a URL names."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.rpartition(":")
    return {"scheme": scheme, "host": host, "port": int(port), **more}


@asynccontextmanager
async def micronode(
    facets: dict[str, str] | None = None,
    folder: Path | None = None,
    security: str = "dev_allow",
) -> AsyncIterator[str]:
    """A micronode that has loaded these manifests, by file name, from a folder: its URL."""
    for name, text in (facets or {}).items():
        assert folder is not None
        (folder / name).write_text(text, "utf-8")
    settings = Settings(
        profile="micronode", security=security, facets_dir=folder if facets else None
    )
    async with running(settings=settings) as url:
        yield url
