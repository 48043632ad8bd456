"""``ron completion``: what completes the command in a shell."""

from __future__ import annotations

import click

_PLACES = {
    "bash": 'eval "$(ron completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(ron completion zsh)" in ~/.zshrc, after compinit',
    "fish": "ron completion fish > ~/.config/fish/completions/ron.fish",
}


@click.command(epilog="\n\n".join(_PLACES.values()))
@click.argument("shell", type=click.Choice(list(_PLACES)))
def command(shell: str) -> None:
    """Print what completes this command in a shell."""
    from click.shell_completion import get_completion_class

    from .root import ron

    completion = get_completion_class(shell)
    assert completion is not None  # noqa: S101  # click has one for each
    click.echo(completion(ron, {}, "ron", "_RON_COMPLETE").source())
