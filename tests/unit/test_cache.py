"""The cache of the compiled component."""

from __future__ import annotations

import functools
import os
import stat
import threading
import warnings
from pathlib import Path

import pytest

from ron_app_sdk_py.engine import cache
from ron_app_sdk_py.engine.artifact import load
from ron_app_sdk_py.engine.cache import RonCacheWarning
from ron_app_sdk_py.engine.runtime import compiled


def test_what_is_written_is_read_and_belongs_to_the_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cache"
    assert cache.read(folder, "key") is None
    cache.write(folder, "key", b"code")
    assert cache.read(folder, "key") == b"code"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["key"]


def test_a_folder_open_to_others_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o755)
    os.chmod(folder, 0o755)
    with pytest.warns(RonCacheWarning, match="0700"):
        cache.write(folder, "key", b"code")
    assert not list(folder.iterdir())
    (folder / "key").write_bytes(b"planted")
    with pytest.warns(RonCacheWarning):
        assert cache.read(folder, "key") is None


def test_a_folder_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    cache.write(folder, "key", b"code")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.warns(RonCacheWarning, match="another user"):
        assert cache.read(folder, "key") is None


@pytest.mark.parametrize("target", ["folder", "file"])
def test_links_are_not_followed(tmp_path: Path, target: str) -> None:
    real = tmp_path / "real"
    cache.write(real, "key", b"planted")
    if target == "folder":
        folder = tmp_path / "link"
        folder.symlink_to(real)
    else:
        folder = tmp_path / "cache"
        cache.write(folder, "other", b"")
        (folder / "key").symlink_to(real / "key")
    with pytest.warns(RonCacheWarning):
        assert cache.read(folder, "key") is None


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    cache.write(folder, "other", b"")
    os.mkfifo(folder / "key", 0o600)
    read = functools.partial(cache.read, folder, "key")
    waiting = threading.Thread(target=read, daemon=True)
    waiting.start()
    waiting.join(30)
    assert not waiting.is_alive()
    assert read() is None
    cache.write(folder, "key", b"code")
    assert read() == b"code"


def test_a_folder_that_cannot_be_written_warns(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.warns(RonCacheWarning, match="RON_SDK_COMPILE_CACHE"):
        cache.write(blocked / "cache", "key", b"code")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("off", None), ("OFF", None), ("0", None), ("/some/where", Path("/some/where"))],
)
def test_the_variable_chooses_the_folder_or_turns_it_off(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: Path | None
) -> None:
    monkeypatch.setenv(cache.VARIABLE, value)
    assert cache.folder() == expected


def test_without_the_variable_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache.folder() == Path("/xdg/ron-app-sdk-py")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache.folder() == Path("/home/somebody/.cache/ron-app-sdk-py")


def test_the_compiled_form_is_kept_and_a_damaged_one_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    artifact = load()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled(artifact)
        (kept,) = folder.iterdir()
        assert artifact.sha256 in kept.name
        whole = kept.read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        for damaged in (b"", whole[: len(whole) // 2], bytes(flipped), b"\x7fELF garbage" * 9):
            kept.write_bytes(damaged)
            compiled(artifact)
            assert kept.read_bytes()[:64] == whole[:64]
            assert kept.stat().st_size == len(whole)
