"""Both clients offer the same."""

from __future__ import annotations

import inspect
import subprocess
import sys

from ron_app_sdk_py import RonClient, RonClientSync

ONLY_ASYNC = {"aclose"}


def public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


def test_both_clients_have_the_same_names_and_arguments() -> None:
    assert public(RonClient) - ONLY_ASYNC == public(RonClientSync)
    for name in public(RonClientSync) | {"__init__"}:
        ours, theirs = getattr(RonClient, name), getattr(RonClientSync, name)
        if callable(ours):
            parameters = [
                [(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()]
                for f in (ours, theirs)
            ]
            assert parameters[0] == parameters[1], name


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
