"""The process that a hostile component runs in, in place of ours.

    python -m hostile.confinement NAME NODE

calls the real component, then the hostile one by both ways into it, then the real one again, and
prints what came of it. Address space is limited: an allocation beyond ends the process.
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

from hostile.components import ALL
from ron_app_sdk_py import RonClientSync, RonError
from ron_app_sdk_py.defaults import GUEST_FUEL
from ron_app_sdk_py.engine import ffi, runtime
from ron_app_sdk_py.engine import guest as guests
from ron_app_sdk_py.engine.artifact import Artifact
from ron_app_sdk_py.engine.instance import Instance

ADDRESS_SPACE = 512 << 20
"""More than this side had before, in bytes."""

FUEL = GUEST_FUEL // 100
"""For a crossing, so that it doesn't take seconds; the whole is for those named below."""

WHOLE_FUEL = frozenset({"an endless loop", "a giant text that grows as it is read"})

TOKEN = "a-token-that-nobody-may-see"


def attempt(wasm: str | bytes, url: str, fuel: int) -> dict[str, Any]:
    """What a call of a client comes to whose component is this one."""
    made = functools.partial(Instance, fuel=fuel)
    try:
        binary = bytes(wat2wasm(wasm)) if isinstance(wasm, str) else wasm
        digest = hashlib.sha256(binary).hexdigest()
        hostile = runtime.compiled(Artifact("hostile.wasm", binary, digest, ""))
        with (
            mock.patch.object(guests, "shared", return_value=hostile),
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


def main(name: str, url: str) -> None:
    """Runs one of the components."""
    hostile = ALL[name]
    with RonClientSync(url, token=TOKEN) as real:
        real.get("/hello")
        os.environ["RON_SDK_COMPILE_CACHE"] = "off"
        with open("/proc/self/statm") as memory:
            used = int(memory.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE,) * 2)
        before = resident()
        fuel = GUEST_FUEL if name in WHOLE_FUEL else FUEL
        ways = [attempt(hostile.wasm, url, fuel)]
        with mock.patch.object(ffi, "fast_call", side_effect=AttributeError):
            ways.append(attempt(hostile.wasm, url, fuel))
        told = {"ways": ways, "grown": resident() - before, "after": real.get("/hello")["ok"]}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
