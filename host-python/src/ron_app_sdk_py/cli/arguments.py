"""Parameters and header fields as arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import click

R = TypeVar("R")

_QUERY = click.option(
    "-q", "--query", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated."
)
_HEADER = click.option(
    "-H",
    "--header",
    multiple=True,
    metavar="NAME:VALUE",
    help="A header field; may be repeated. Not for secrets: command lines are public.",
)
_NODE = click.option(
    "--node", is_flag=True, help="PATH is the node's own, beside /app; sent without the token."
)


def field_options(command: Callable[..., R]) -> Callable[..., R]:
    """Adds ``PATH``, ``--query``, ``--header`` and ``--node``."""
    return click.argument("path")(_QUERY(_HEADER(_NODE(command))))


def parameters(given: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of ``--query``.

    Raises:
        click.BadParameter: one has no equals sign.
    """
    return [_split(text, "=", "--query") for text in given]


def fields(given: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of ``--header``.

    Raises:
        click.BadParameter: one has no colon.
    """
    return [
        (name, value.strip()) for name, value in (_split(text, ":", "--header") for text in given)
    ]


def _split(text: str, mark: str, option: str) -> tuple[str, str]:
    name, found, value = text.partition(mark)
    if not found:
        # It is not repeated, since it may be a secret in the wrong place.
        raise click.BadParameter(f"has no {mark!r}; give NAME{mark}VALUE", param_hint=f"'{option}'")
    return name, value
