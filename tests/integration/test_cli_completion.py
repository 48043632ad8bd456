"""Completion, as shells ask for it."""

from __future__ import annotations

import shutil
import subprocess

import click
import pytest

from ron_app_sdk_py.cli.root import ron as group
from ron_command import LIMIT, RON, environment, ron

SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_is_told_how_to_ask(shell: str) -> None:
    done = ron("completion", shell)
    assert (done.code, done.err) == (0, "")
    script = done.out.decode()
    assert f"_RON_COMPLETE={shell}_complete" in script
    assert "ron" in script
    if (found := shutil.which(shell)) is not None:
        checked = subprocess.run([found, "-n"], input=done.out, capture_output=True, timeout=LIMIT)
        assert (checked.returncode, checked.stderr) == (0, b"")


def completed(shell: str, *words: str) -> set[str]:
    """What is offered for the last word."""
    environ = {
        "_RON_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(["ron", *words]),
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words)),
    }
    out = ron(environ=environ, token=None).out.decode()
    lines = out.splitlines()
    if shell == "zsh":
        return set(lines[1::3])
    return {line.split(",", 1)[1].partition("\t")[0] for line in lines}


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_options_and_choices_are_completed(shell: str) -> None:
    assert completed(shell, "wat") == {"watch"}
    assert completed(shell, "get", "--tok") == {"--token-file"}
    assert completed(shell, "completion", "z") == {"zsh"}


def test_in_bash_a_tab_completes() -> None:
    script = """
        eval "$("$0" completion bash)"
        ron() { "$RON" "$@"; }
        COMP_WORDS=(ron doc); COMP_CWORD=1
        _ron_completion ron doc ron
        echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-c", script, RON],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env=environment(None, None, {"RON": RON, "PATH": "/usr/bin:/bin:" + RON[: -len("/ron")]}),
    )
    assert (done.stdout, done.stderr) == ("doctor\n", "")


def test_every_command_is_offered() -> None:

    assert set(group.list_commands(click.Context(group))) <= completed("bash", "")
