"""The process that a hostile component runs in, in place of ours.

    python -m hostile.confinement ron_host.wasm NAME NODE

calls the real component, then the hostile one by both ways into it, then the real one again, and
prints what came of it; or, with ``ron_tools.wasm``, has the other one check a manifest. Address
space is limited: an allocation beyond ends the process.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import resource
import sys
from typing import Any
from unittest import mock

from wasmtime import wat2wasm

from hostile import components
from ron_app_sdk_py import RonClientSync, RonError
from ron_app_sdk_py.defaults import GUEST_FUEL
from ron_app_sdk_py.engine import ffi, runtime, tools
from ron_app_sdk_py.engine import guest as guests
from ron_app_sdk_py.engine.artifact import HOST, TOOLS, Artifact
from ron_app_sdk_py.engine.instance import Instance

IN_PLACE_OF = {HOST: components.ALL, TOOLS: components.TOOLS}

MANIFESTS = "ron:tools/facet-manifests@0.1.0"

ADDRESS_SPACE = 512 << 20
"""More than this side had before, in bytes."""

FUEL = GUEST_FUEL // 100
"""For a crossing, so that it doesn't take seconds; the whole is for those named below."""

WHOLE_FUEL = frozenset({"an endless loop", "a giant text that grows as it is read"})

TOKEN = "a-token-that-nobody-may-see"


def compiled(wasm: str | bytes) -> runtime.Runtime:
    """The component."""
    binary = bytes(wat2wasm(wasm)) if isinstance(wasm, str) else wasm
    digest = hashlib.sha256(binary).hexdigest()
    return runtime.compiled(Artifact("hostile.wasm", binary, digest, ""))


def check(wasm: str | bytes, fuel: int) -> dict[str, Any]:
    """What a manifest comes to that this component checks."""
    try:
        answer = tools.call(MANIFESTS, "write", "{}", runtime=compiled(wasm), fuel=fuel)
        return {"answer": len(answer)}
    except RonError as error:
        return {"error": type(error).__name__, "code": error.code, "message": repr(error)}


def attempt(wasm: str | bytes, url: str, fuel: int) -> dict[str, Any]:
    """What a call of a client comes to whose component is this one."""
    made = functools.partial(Instance, fuel=fuel)
    try:
        with (
            mock.patch.object(guests, "shared", return_value=compiled(wasm)),
            mock.patch.object(guests, "Instance", made),
            RonClientSync(url, token=TOKEN) as client,
        ):
            answer = client.get("/hello")
        return {"answer": answer}
    except RonError as error:
        return {"error": type(error).__name__, "code": error.code, "message": repr(error)}


def resident() -> int:
    """The most memory that this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(artifact: str, name: str, url: str) -> None:
    """Runs one of the components."""
    hostile = IN_PLACE_OF[artifact][name]
    with RonClientSync(url, token=TOKEN) as real:
        real.get("/hello")
        os.environ["RON_SDK_COMPILE_CACHE"] = "off"
        with open("/proc/self/statm") as memory:
            used = int(memory.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE,) * 2)
        before = resident()
        fuel = GUEST_FUEL if name in WHOLE_FUEL else FUEL
        if artifact == TOOLS:
            ways = [check(hostile.wasm, fuel)]
        else:
            ways = [attempt(hostile.wasm, url, fuel)]
            with mock.patch.object(ffi, "fast_call", side_effect=AttributeError):
                ways.append(attempt(hostile.wasm, url, fuel))
        told = {"ways": ways, "grown": resident() - before, "after": real.get("/hello")["ok"]}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
