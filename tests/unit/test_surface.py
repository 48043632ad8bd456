"""Both clients offer the same, and importing costs nothing."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from ron_app_sdk_py import (
    PageIterator,
    PageIteratorSync,
    Pages,
    PagesSync,
    RonClient,
    RonClientSync,
    Subscription,
    SubscriptionSync,
)
from ron_app_sdk_py.node import Node, NodeSync
from servers import answering, on_a_thread, reply

ONLY_ASYNC = {"aclose"}
ONLY_SYNC = {"run"}
"""What takes the place of ``await``."""


def public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("asynchronous", "synchronous"),
    [
        (RonClient, RonClientSync),
        (Node, NodeSync),
        (Subscription, SubscriptionSync),
        (Pages, PagesSync),
        (PageIterator, PageIteratorSync),
    ],
)
def test_both_surfaces_have_the_same_names_arguments_and_types(
    asynchronous: type, synchronous: type
) -> None:
    assert public(asynchronous) - ONLY_ASYNC == public(synchronous) - ONLY_SYNC
    for name in public(synchronous) - ONLY_SYNC:
        ours, theirs = getattr(asynchronous, name), getattr(synchronous, name)
        if callable(ours):
            ours, theirs = inspect.signature(ours), inspect.signature(theirs)
            assert ours.parameters == theirs.parameters, name
            assert ours.return_annotation == theirs.return_annotation.replace("Sync", ""), name
    assert inspect.signature(RonClient) == inspect.signature(RonClientSync)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, ron_app_sdk_py; "
        "print(sorted({'asyncio', 'aiohttp', 'wasmtime', 'pydantic', 'json'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_call_without_a_model_does_not_import_pydantic() -> None:
    code = (
        "import sys\n"
        "from ron_app_sdk_py import RonClientSync\n"
        "with RonClientSync(sys.argv[1]) as client:\n"
        "    assert client.get('/x') == {'items': [1]}\n"
        "    assert list(client.paginate('/x')) == [1]\n"
        "    print(sorted({'pydantic', 'pydantic_core'} & set(sys.modules)))\n"
        "    assert client.get('/x', model=dict) == {'items': [1]}\n"
        "    print('pydantic' in sys.modules)\n"
    )
    answer = reply("200 OK", b'{"items":[1]}', "content-type: application/json")
    with on_a_thread(answering([], answer)) as url:
        run = [sys.executable, "-c", code, url]
        done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "True"]


def test_every_public_name_can_be_imported() -> None:
    import ron_app_sdk_py

    for name in ron_app_sdk_py.__all__:
        assert getattr(ron_app_sdk_py, name) is not None
    assert set(dir(ron_app_sdk_py)) == set(ron_app_sdk_py.__all__)
