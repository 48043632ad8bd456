"""The artifacts inside the package."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from ron_app_sdk_py import component
from ron_app_sdk_py.engine import artifact
from ron_app_sdk_py.engine.runtime import compiled, imports, shared
from ron_app_sdk_py.errors import RonSandboxError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(artifact.FOLDER, tmp_path / "artifacts"))


def test_the_component_has_one_import() -> None:
    assert imports(shared()) == ["ron:wire/host@0.1.0"]


def test_the_client_imports_http_io_clocks_and_random_only() -> None:
    names = imports(compiled(artifact.load(artifact.CLIENT)))
    assert {name.split("/")[0] for name in names} == {
        "wasi:http",
        "wasi:io",
        "wasi:clocks",
        "wasi:random",
    }
    assert "wasi:http/outgoing-handler@0.2.12" in names


@pytest.mark.parametrize("damage", ["truncated", "changed", "emptied", "removed"])
def test_a_damaged_artifact_is_refused_by_name_with_the_mend(folder: Path, damage: str) -> None:
    wasm = folder / artifact.HOST
    whole = wasm.read_bytes()
    match damage:
        case "truncated":
            wasm.write_bytes(whole[:1000])
        case "changed":
            wasm.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        case "emptied":
            wasm.write_bytes(b"")
        case "removed":
            wasm.unlink()
    with pytest.raises(RonSandboxError, match=r"ron_host\.wasm.*make build") as caught:
        artifact.load(folder=folder)
    expected = "artifact_missing" if damage == "removed" else "artifact_corrupt"
    assert caught.value.code == expected


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "{}",
        '{"artifacts": 3}',
        '{"artifacts": {}}',
        pytest.param("[" * 100_000, id="nested"),
        '{"artifacts": {"ron_host.wasm": 3}}',
        '{"artifacts": {"ron_host.wasm": {"file": "ron_host.wasm", "sha256": ""}}}',
    ],
)
def test_a_damaged_manifest_is_refused(folder: Path, manifest: str) -> None:
    (folder / "artifacts.json").write_text(manifest)
    with pytest.raises(RonSandboxError, match=r"artifacts\.json"):
        artifact.load(folder=folder)


def test_the_client_is_cut_out_of_the_component_and_a_wrong_cut_is_refused(folder: Path) -> None:
    client = artifact.load(artifact.CLIENT, folder)
    assert client.wasm in artifact.load(folder=folder).wasm
    file = folder / "artifacts.json"
    manifest = json.loads(file.read_text())
    for member in ("offset", "bytes"):
        wrong = json.loads(file.read_text())
        wrong["artifacts"][artifact.CLIENT][member] += 1
        file.write_text(json.dumps(wrong))
        with pytest.raises(RonSandboxError, match=r"ron_client\.wasm has .*not the one built"):
            artifact.load(artifact.CLIENT, folder)
        file.write_text(json.dumps(manifest))


def test_the_command_writes_the_client_for_another_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ron_client.wasm"
    for _ in range(2):
        component.main([str(file)])
        assert file.read_bytes() == artifact.load(artifact.CLIENT).wasm
    assert hashlib.sha256(file.read_bytes()).hexdigest() in capsys.readouterr().out
    for arguments, code, reason in (
        ([str(tmp_path)], 1, str(tmp_path)),
        ([str(tmp_path / "no" / "folder")], 1, "No such file"),
        ([], 2, "FILE"),
    ):
        with pytest.raises(SystemExit) as caught:
            component.main(arguments)
        assert caught.value.code == code
        said = capsys.readouterr().err
        assert reason in said
        assert said.count("\n") == 1


def test_bytes_that_are_no_component_are_refused_even_with_the_right_digest() -> None:
    garbage = artifact.Artifact("ron_host.wasm", b"\0asm garbage", "0" * 64, "none")
    with pytest.raises(RonSandboxError, match=r"refuses ron_host\.wasm"):
        compiled(garbage)


def test_the_manifest_names_toolchain_and_sizes() -> None:
    manifest = json.loads((artifact.FOLDER / "artifacts.json").read_text())
    loaded = artifact.load()
    assert loaded.toolchain.startswith("rustc ")
    assert manifest["artifacts"]["ron_host.wasm"]["bytes"] == len(loaded.wasm)
