"""The command and its subcommands, each loaded when it is run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from .._version import __version__
from .guard import guarded

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "get": ("verbs", "GET a path of the app plane."),
    "post": ("verbs", "POST to a path."),
    "put": ("verbs", "PUT a path."),
    "patch": ("verbs", "PATCH a path."),
    "delete": ("verbs", "DELETE a path."),
    "watch": ("watch", "Show the events of a stream as they come."),
    "node": ("node", "Ask the node for its health, readiness, version and profile."),
    "token": ("token", "Inspect, mint and verify capability tokens."),
    "facet": ("facet", "Write and check manifests of facets."),
    "codegen": ("codegen", "Write Pydantic models of a JSON Schema or OpenAPI document."),
    "init": ("init", "Start a project."),
    "doctor": ("doctor", "Find out what is between here and the gateway's answer."),
    "completion": ("completion", "Print what completes this command in a shell."),
}
"""The module of each subcommand, and its line in the list of them. A module has the attribute
``command``, or ``commands`` by name if it serves several."""


_ARGUMENTS = f"{__package__}.arguments"


class _Root(click.Group):
    """A group that imports a subcommand when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f".{_COMMANDS[cmd_name][0]}", __package__)
        commands: Mapping[str, click.Command] = getattr(module, "commands", {})
        command: click.Command = commands[cmd_name] if commands else module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Nobody else is told of them: they are taken off the list as they are read.
        ctx.meta[_ARGUMENTS] = tuple(args)
        with guarded(ctx, ctx.meta[_ARGUMENTS]):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with guarded(ctx, ctx.meta[_ARGUMENTS]):
            return super().invoke(ctx)


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="ron-app-sdk-py")
def ron() -> None:
    """Calls the app plane of a RON gateway.

    The gateway is that of --url or RON_APP_URL, the credential that of RON_APP_TOKEN,
    RON_APP_MACAROON, --token-file, --macaroon-file or --ask-token. docs/cli.md has the exit codes.
    """
