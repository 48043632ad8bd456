"""Both clients offer the same, and importing costs nothing."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from ron_app_sdk_py import (
    Facet,
    FacetSync,
    NodeAdmin,
    NodeAdminSync,
    NodeKv,
    NodeKvSync,
    RonClient,
    RonClientSync,
    Subscription,
    SubscriptionSync,
)
from ron_app_sdk_py.node import Node, NodeSync

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
        (NodeKv, NodeKvSync),
        (NodeAdmin, NodeAdminSync),
        (Facet, FacetSync),
        (Subscription, SubscriptionSync),
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
            assert ours.return_annotation == theirs.return_annotation.removesuffix("Sync"), name
    assert inspect.signature(RonClient) == inspect.signature(RonClientSync)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, ron_app_sdk_py; "
        "print(sorted({'asyncio', 'aiohttp', 'wasmtime', 'pydantic', 'json'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_imported() -> None:
    import ron_app_sdk_py

    for name in ron_app_sdk_py.__all__:
        assert getattr(ron_app_sdk_py, name) is not None
    assert set(dir(ron_app_sdk_py)) == set(ron_app_sdk_py.__all__)
