"""What type checkers make of calls with a model."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from servers import ROOT

pytestmark = pytest.mark.checkout

RIGHT = """
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_type

from pydantic import BaseModel
from typing_extensions import TypedDict

from ron_app_sdk_py import Page, RonClient, RonClientSync
from ron_app_sdk_py.types import I64, U64, U128, Base64Url, RonModel, Timestamp, UnixSeconds


class M(BaseModel):
    size: U64


@dataclass
class D:
    size: int


class T(TypedDict):
    size: int


class R(RonModel):
    a: U64
    b: I64
    c: U128
    d: Timestamp
    e: Base64Url
    f: UnixSeconds | None = None


async def asynchronous(client: RonClient) -> None:
    assert_type(await client.get("/x", model=M), M)
    assert_type(await client.get("/x", model=D, timeout=1), D)
    assert_type(await client.get("/x", model=T), T)
    assert_type(await client.get("/x", model=list[M], query={"a": 1}), list[M])
    assert_type(await client.post("/x", json={}, idem=True, model=M), M)
    assert_type(await client.put("/x", content=b"", model=M), M)
    assert_type(await client.patch("/x", model=M), M)
    assert_type(await client.delete("/x", model=M), M)
    assert_type(await client.call("GET", "/x", model=M), M)
    assert_type(await client.get("/x"), Any)
    assert_type(await client.get("/x", model=None), Any)
    assert_type(await client.get("/x", model=M | None), Any)
    assert_type((await client.request("GET", "/x")).parse(M), M)
    async for item in client.paginate("/x", model=M, max_items=3):
        assert_type(item, M)
    async for anything in client.paginate("/x"):
        assert_type(anything, Any)
    async for page in client.iter_pages("/x", model=D):
        assert_type(page, Page[D])
        if page.resume is not None:
            client.paginate("/x", **page.resume)
    pages = client.paginate("/x", model=T)
    assert_type(await anext(pages), T)
    client.paginate("/x", **pages.resume)


def synchronous(client: RonClientSync, r: R) -> None:
    assert_type(client.get("/x", model=M), M)
    assert_type(client.post("/x", json={}, model=list[D]), list[D])
    assert_type(client.get("/x"), Any)
    for item in client.paginate("/x", model=M):
        assert_type(item, M)
    for page in client.iter_pages("/x", model=M):
        assert_type(page.items, list[M])
    assert_type(r.a + r.b + r.c, int)
    assert_type(r.d, datetime)
    assert_type(r.e, bytes)
    assert_type(r.f, datetime | None)
"""

WRONG = """
from pydantic import BaseModel

from ron_app_sdk_py import RonClient, RonClientSync


class M(BaseModel):
    size: int


async def asynchronous(client: RonClient) -> None:
    (await client.get("/x", model=M)).sise  # attr-defined
    (await client.get("/x", model=list[M])).size  # attr-defined
    await client.get("/x", model=M, json={})  # call-overload
    await client.request("GET", "/x", model=M)  # call-arg
    client.paginate("/x", page_tokn="a")  # call-overload
    client.paginate("/x", max_items="3")  # call-overload
    for item in client.paginate("/x"):  # attr-defined
        pass
    client.paginate("/x", **client.iter_pages("/x").resume)  # attr-defined


def synchronous(client: RonClientSync) -> None:
    for item in client.paginate("/x", model=M):
        item.sise  # attr-defined
    client.iter_pages("/x", model=M).items  # attr-defined
    client.get("/x", model=M).size.upper()  # attr-defined
"""


NAMES = ("right.py", "wrong.py")


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, str]]:
    """What mypy finds wrong, by file and line."""
    folder: Path = tmp_path_factory.mktemp("typing")
    for name, text in zip(NAMES, (RIGHT, WRONG), strict=True):
        (folder / name).write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file=", *NAMES],
        cwd=folder,
        env={"MYPYPATH": str(ROOT / "host-python/src")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.stderr == ""
    found: dict[str, dict[int, str]] = {name: {} for name in NAMES}
    for line in done.stdout.splitlines():
        match = re.fullmatch(r"([\w.]+):(\d+): error: .*  \[([\w-]+)\]", line)
        assert match is not None or ": note: " in line, line
        if match is not None:
            found[match.group(1)][int(match.group(2))] = match.group(3)
    return found


def test_a_type_checker_sees_the_type_of_the_model(faults: dict[str, dict[int, str]]) -> None:
    assert faults["right.py"] == {}


def test_a_type_checker_rejects_misuse(faults: dict[str, dict[int, str]]) -> None:
    expected = {
        number: line.partition("  # ")[2]
        for number, line in enumerate(WRONG.splitlines(), 1)
        if "  # " in line
    }
    assert faults["wrong.py"] == expected
    assert len(expected) > 10
