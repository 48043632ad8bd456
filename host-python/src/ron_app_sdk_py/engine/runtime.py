"""Each component compiled once per process.

The engine and the compiled code are immutable and shared by every client; wasmtime allows that
from any thread and after a fork.
"""

from __future__ import annotations

import atexit
import functools
import os
import platform
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RonSandboxError
from . import cache
from .artifact import HOST, Artifact, load

if TYPE_CHECKING:
    from wasmtime import Engine, WasmtimeError
    from wasmtime.component import Component

_lock = threading.Lock()


def _renew_lock() -> None:
    """In a forked child, which may have got it locked by a thread that isn't there."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@dataclass(frozen=True, slots=True)
class Runtime:
    """An engine and the component compiled for it.

    Attributes:
        engine: the wasmtime engine.
        component: the compiled component.
        artifact: what it was compiled from.
    """

    engine: Engine
    component: Component
    artifact: Artifact


def shared(name: str = HOST) -> Runtime:
    """This process's runtime of an artifact, made at the first call.

    Raises:
        RonSandboxError: the artifact is missing or damaged, or wasmtime refuses it.
    """
    with _lock:
        return _shared(name)


@functools.cache
def _shared(name: str) -> Runtime:
    # wasmtime's objects complain if they outlive its module, as a cache would at exit.
    atexit.register(_shared.cache_clear)
    return compiled(load(name))


def compiled(artifact: Artifact) -> Runtime:
    """Compiles an artifact, or takes its compiled form from the cache.

    Raises:
        RonSandboxError: wasmtime refuses it (code ``artifact_corrupt``).
    """
    from wasmtime import WasmtimeError
    from wasmtime.component import Component

    from .settings import make_engine

    folder = cache.folder()
    if folder is None:
        return fresh(artifact)
    engine, settings = make_engine()
    key = f"{artifact.sha256}-{_wasmtime_version()}-{platform.machine()}-{settings}.cwasm"
    kept = cache.read(folder, key)
    if kept is not None:
        try:
            return Runtime(engine, Component.deserialize(engine, kept), artifact)
        except WasmtimeError:
            cache.discard(folder, key)
    runtime = fresh(artifact)
    cache.write(folder, key, bytes(runtime.component.serialize()))
    return runtime


def fresh(artifact: Artifact) -> Runtime:
    """Compiles an artifact, whatever the cache holds.

    Raises:
        RonSandboxError: wasmtime refuses it (code ``artifact_corrupt``).
    """
    from wasmtime import WasmtimeError
    from wasmtime.component import Component

    from .settings import make_engine

    engine, _ = make_engine()
    try:
        return Runtime(engine, Component(engine, artifact.wasm), artifact)
    except WasmtimeError as error:
        raise RonSandboxError(
            f"wasmtime {_wasmtime_version()} refuses {artifact.name}: {reason(error)}; reinstall "
            "the package",
            code="artifact_corrupt",
        ) from None


def _wasmtime_version() -> str:
    """The version of wasmtime, from the name of its metadata: ``importlib.metadata`` finds the same
    but takes 40 ms to import."""
    import wasmtime

    folder = Path(wasmtime.__file__).parent.parent
    for metadata in folder.glob("wasmtime-*.dist-info"):
        return metadata.name.removeprefix("wasmtime-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("wasmtime")


def reason(error: WasmtimeError) -> str:
    """The last line of wasmtime's text, without its number: the cause of all the others."""
    lines = str(error).split("Caused by:")[-1].split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")
    return last.removeprefix("0: ").removeprefix("1: ")[:200]


def imports(runtime: Runtime) -> list[str]:
    """The names of what the component imports: its whole reach into the host."""
    return sorted(runtime.component.type.imports(runtime.engine))
