"""``ron_tools.wasm``: nothing that it is given ends it or comes near its limits, and if it ends,
the next call is served."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from wasmtime.component import Component

from processes import run_python
from ron_app_sdk_py import FacetManifest, RonSandboxError
from ron_app_sdk_py.defaults import (
    GUEST_FUEL,
    GUEST_MEMORY_BYTES,
    GUEST_STACK_BYTES,
    MAX_MANIFEST_BYTES,
)
from ron_app_sdk_py.engine import artifact, sandbox, settings, tools
from ron_app_sdk_py.engine.runtime import Runtime, compiled, imports, shared
from ron_app_sdk_py.facets import Route, check_manifest
from wat import TRAPS

INTERFACE = "ron:tools/facet-manifests@0.1.0"
MARGIN = 3
"""How many times the dearest call the fuel is good for."""

MAX_JSON_BYTES = 4 * MAX_MANIFEST_BYTES
"""``MAX_MANIFEST_JSON_BYTES`` of ``tools``."""

ECHO = {"id": "e", "kind": "echo"}


def filled(before: str, unit: str, after: str) -> str:
    """As many units as fit."""
    room = MAX_JSON_BYTES - len(before) - len(after) - len(unit)
    units = [unit] * (room // (len(unit) + 1))
    return before + ",".join([*units, unit]) + after


FACET = '{"facet":{"id":"e","kind":"%s"},'
HOSTILE = {
    "nothing": "",
    "the largest text": json.dumps("x" * (MAX_JSON_BYTES - 2)),
    "a text to escape": json.dumps("\x01" * (MAX_JSON_BYTES // 6 - 2)),
    "no JSON": "[" * MAX_JSON_BYTES,
    "deep objects": '{"a":' * (MAX_JSON_BYTES // 5),
    "as deep as may be": '{"facet":' * 126 + "0" + "}" * 126,
    "numbers": filled("[", "1e308", "]"),
    "a long number": "[" + "9" * (MAX_JSON_BYTES - 2) + "]",
    "empty routes": filled(FACET % "echo" + '"route":[', "{}", "]}"),
    "routes that are none": filled(FACET % "static" + '"route":[', "0", "]}"),
    "the same route": filled(
        FACET % "static" + '"route":[', '{"method":"GET","path":"/","file":"a"}', "]}"
    ),
    "unknown keys": filled(FACET % "echo", '"a":0', "}"),
    "unknown keys of a route": filled(FACET % "echo" + '"route":[{', '"a":0', "}]}"),
    "one key again and again": filled(FACET % "echo", '"route":0', "}"),
    "routes of a path with many segments": filled(
        FACET % "proxy" + '"route":[', '{"method":"GET","path":"' + "/:a" * 1000 + '"}', "]}"
    ),
    "a long id": '{"facet":{"id":"%s","kind":"echo"}}' % ("a" * (MAX_JSON_BYTES - 100)),
    "an id of non-ASCII": '{"facet":{"id":"%s","kind":"echo"}}'
    % ("é" * (MAX_JSON_BYTES // 2 - 50)),
    "a long description": '{"facet":{"id":"e","kind":"echo","meta":{"description":"%s"}}}'
    % ("\\u0001" * (MAX_JSON_BYTES // 6 - 50)),
    "too large": " " * (MAX_JSON_BYTES + 1),
}


@pytest.fixture(scope="module")
def cramped() -> Runtime:
    """The component with half of the stack."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "GUEST_STACK_BYTES", GUEST_STACK_BYTES // 2)
        return compiled(artifact.load(artifact.TOOLS))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_manifest_comes_near_the_fuel_s_end_or_the_memory_s_or_the_stack_s(
    cramped: Runtime, text: str
) -> None:
    fuel = GUEST_FUEL // MARGIN
    memory = GUEST_MEMORY_BYTES // 2
    written = tools.call(INTERFACE, "write", text, runtime=cramped, fuel=fuel, memory_bytes=memory)
    assert len(written.findings) <= 101
    assert (written.toml is None) == any(found.severity == "error" for found in written.findings)


def test_a_manifest_that_is_too_large_is_refused_by_its_size_on_both_sides() -> None:
    (finding,) = check_manifest("#" * (MAX_MANIFEST_BYTES + 1))
    assert f"more than {MAX_MANIFEST_BYTES} bytes" in finding.message
    routes = [Route(method="GET", path=f"/{n}") for n in range(MAX_JSON_BYTES // 20)]
    (finding,) = FacetManifest(id="a", kind="echo", routes=routes).findings()
    assert f"more than {MAX_JSON_BYTES}" in finding.message


def test_the_largest_text_is_small_enough_as_json() -> None:
    """What grows most from TOML to JSON."""
    for unit in ("[a%d]\n", "b%d=1e9\n", 'c%d="\\u0001"\n', "d%d=1900-01-01\n", "é%d='\\'\n"):
        text, n = "", 0
        while len(text) + 50 < MAX_MANIFEST_BYTES:
            text += (unit % n).replace("é", "e")
            n += 1
        assert not any("bytes of JSON" in finding.message for finding in check_manifest(text))


def test_it_imports_nothing() -> None:
    assert imports(shared(artifact.TOOLS)) == []


def test_nothing_of_it_is_loaded_before_its_first_use() -> None:
    done = run_python(
        """
        import sys
        from ron_app_sdk_py import FacetManifest, RonManifestError
        from ron_app_sdk_py.facets import Route
        print(sorted({"wasmtime", "ron_app_sdk_py.engine.runtime"} & {*sys.modules}))
        from ron_app_sdk_py.engine import runtime
        manifest = FacetManifest(id="a", kind="echo", routes=[Route(method="GET", path="/a")])
        print(runtime._shared.cache_info().currsize)
        manifest.to_toml()
        manifest.to_toml()
        print(runtime._shared.cache_info().currsize)
        """
    )
    assert (done.stdout, done.stderr) == ("[]\n0\n1\n", "")


def written() -> str:
    return FacetManifest(id="e", kind="echo", routes=[Route(method="GET", path="/a")]).to_toml()


def test_a_trap_is_one_call_s_error_and_the_next_is_served() -> None:
    text = json.dumps({"facet": ECHO})
    for limits, code in (({"fuel": 1_000}, "fuel"), ({"memory_bytes": 1_200_000}, "trap")):
        large = text if code == "fuel" else json.dumps("x" * 200_000)
        with pytest.raises(RonSandboxError) as caught:
            tools.call(INTERFACE, "write", large, **limits)  # type: ignore[arg-type]
        assert caught.value.code == code
        assert written().startswith("[facet]")


def test_what_is_not_exported_or_can_not_be_made_is_a_sandbox_error() -> None:
    for interface, function in ((INTERFACE, "read"), ("ron:tools/none@0.1.0", "write")):
        with pytest.raises(RonSandboxError, match="no export") as caught:
            tools.call(interface, function, "{}")
        assert caught.value.code == "abi"
    with pytest.raises(RonSandboxError, match=r"ron_tools\.wasm can't be instantiated") as caught:
        tools.call(INTERFACE, "write", "{}", memory_bytes=1)
    assert caught.value.code == "instantiate"


def test_a_trap_does_not_show_what_another_s_host_function_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = shared(artifact.TOOLS).engine
    runtime = Runtime(engine, Component(engine, TRAPS), artifact.load(artifact.TOOLS))
    store, instance = sandbox.instantiate(runtime)
    trapping = instance.get_func(store, "run")
    monkeypatch.setattr(sandbox, "instantiate", lambda *_, **__: (store, instance))
    monkeypatch.setattr(sandbox, "export", lambda *_: trapping)
    monkeypatch.setattr(
        "wasmtime.component._enter.LAST_EXCEPTION", ValueError("hunter22 of another user")
    )
    with pytest.raises(RonSandboxError) as caught:
        tools.call(INTERFACE, "write")
    assert caught.value.code == "trap"
    assert "hunter22" not in repr((caught.value, caught.value.__context__, caught.value.__cause__))


def test_threads_call_it_at_once() -> None:
    start = threading.Barrier(8)

    def work(_: int) -> set[str]:
        start.wait(60)
        return {written() for _ in range(20)}

    with ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(work, range(8))) == {written()}


def test_calls_leave_no_memory_behind() -> None:
    done = run_python(
        """
        import gc
        from pathlib import Path
        from ron_app_sdk_py import FacetManifest
        from ron_app_sdk_py.facets import Route

        def kilobytes():
            gc.collect()
            pages = Path("/proc/self/statm").read_text().split()[1]
            return int(pages) * 4

        routes = [Route(method="HEAD", path="/a", file="x" * 50) for _ in range(100)]
        manifest = FacetManifest(id="a", kind="echo", routes=routes)
        for _ in range(50):
            assert len(manifest.findings()) == 101
        before = kilobytes()
        for _ in range(200):
            manifest.findings()
        print(kilobytes() - before < 8_000)
        """
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_forked_child_calls_it() -> None:
    done = run_python(
        """
        import os
        from ron_app_sdk_py import FacetManifest
        manifest = FacetManifest(id="a", kind="echo")
        text = manifest.to_toml()
        child = os.fork()
        if child == 0:
            os._exit(0 if manifest.to_toml() == text else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )
    assert done.stdout == "0\n"
