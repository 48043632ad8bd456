"""The README says what is so."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest

from ron_app_sdk_py import PROTO_VERSION, PROTOCOL_VERSION, __version__
from ron_app_sdk_py.node import SUPPORTED_NODES
from servers import ROOT

pytestmark = pytest.mark.checkout

README = (ROOT / "README.md").read_text("utf-8")


def test_the_compatibility_matrix_is_that_of_the_code() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in README.partition("## Compatibility")[2].splitlines()
        if line.startswith("|")
    ]
    matrix = dict(zip(rows[0], rows[-1], strict=True))
    project = tomllib.loads((ROOT / "host-python/pyproject.toml").read_text("utf-8"))["project"]
    (wasmtime,) = (need for need in project["dependencies"] if need.startswith("wasmtime"))
    assert matrix == {
        "version": __version__.rpartition(".")[0],
        "protocol": PROTOCOL_VERSION,
        "`ron-proto`": str(PROTO_VERSION),
        "nodes": f"{SUPPORTED_NODES}.x",
        "Python": project["requires-python"],
        "wasmtime": wasmtime.removeprefix("wasmtime"),
    }


async def test_the_example_runs(node: str, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    for given, here in (
        ("https://gateway.example", node),
        ("…", "0123456789"),
        ("/jobs", "/echo"),
        ("/report", "/hello"),
        ("/items", "/collection"),
        (
            'client.subscribe("/events", max_events=3)',
            'client.node.subscribe("/registry/stream", max_events=1)',
        ),
        ('client.get("/hello")\n', 'client.get("/problem")\n'),
    ):
        assert given in example
        example = example.replace(given, here)
    code = compile(example, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, object] = {}
    await eval(code, names)
    assert names["greeting"] == {"ok": True, "message": "hello, facet"}
    out = capsys.readouterr().out
    assert out.startswith(
        "heartbeat 1\nitem 0\nitem 1\nitem 2\n502 upstream_unavailable attempt 1 at 0.0"
    )
    assert out.endswith("no other attempt: attempts used up\n")
