"""The command and its subcommands, each loaded when it is run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from .._version import __version__

_COMMANDS: Mapping[str, tuple[str, str]] = {}
"""The module of each subcommand, whose ``command`` it is, and its line in the list of them."""


class _Lazy(click.Group):
    """A group that imports a subcommand when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[cmd_name]
        command: click.Command = import_module(f".{module}", __package__).command
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="ron-app-sdk-py")
def ron() -> None:
    """Calls the app plane of a RON gateway."""
