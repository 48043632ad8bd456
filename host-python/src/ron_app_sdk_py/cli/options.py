"""The options that commands have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from .output import Output

if TYPE_CHECKING:
    from ..config import ClientConfig

P = ParamSpec("P")
R = TypeVar("R")

PROXY_VARIABLE = "RON_SDK_PROXY"
"""Names the proxy where the command line must not, because its URL has a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where a command goes and as whom, as the command line says. None leaves it to the
    environment, and that to the defaults."""

    url: str | None = None
    """The gateway."""

    token_file: str | None = None
    """The file that holds the token; ``-`` is stdin."""

    ask_token: bool = False
    """Whether to ask for the token on the terminal."""

    timeout: float | None = None
    """Seconds for a whole call."""

    insecure_http: bool = False
    """Whether plain http may go to other machines."""

    ca: str | None = None
    """A PEM file or folder: the authorities to trust instead of the system's."""

    proxy: str | None = None
    """The HTTP proxy."""

    def config(self, output: Output, **fields: Any) -> ClientConfig:
        """The configuration. Its token is kept out of the output from now on.

        Args:
            output: where warnings go.
            fields: more fields of the configuration; None leaves one as it is.

        Raises:
            RonConfigError: it is no good.
        """
        from ..config import ClientConfig
        from .credentials import given_token

        token = given_token(self.token_file, ask=self.ask_token, output=output)
        output.hide(token)
        return ClientConfig.from_env(
            base_url=self.url,
            token=token,
            timeout=self.timeout,
            allow_insecure_http=self.insecure_http or None,
            tls_ca=self.ca,
            proxy=self.proxy,
            **fields,
        )


def output_options(command: Callable[..., R]) -> Callable[..., R]:
    """Adds ``--json`` and ``-v``; the command is given ``output``, an :class:`Output`."""

    @click.option("--json", "as_json", is_flag=True, help="Write JSON: a document, or one a line.")
    @click.option("-v", "--verbose", count=True, help="Tell more on stderr; -vv even more.")
    @functools.wraps(command)
    def with_output(*arguments: Any, as_json: bool, verbose: int, **options: Any) -> R:
        from .credentials import hide_secrets

        output = Output(json=as_json, verbosity=verbose)
        hide_secrets(output)
        # Whatever goes wrong from here on is reported by it.
        click.get_current_context().find_root().obj = output
        return command(*arguments, output=output, **options)

    return with_output


_CONNECTION_OPTIONS = (
    click.option("--url", metavar="URL", help="The gateway.  [default: RON_APP_URL, else local]"),
    click.option("--token-file", metavar="FILE", help="Read the token from a file; - is stdin."),
    click.option("--ask-token", is_flag=True, help="Ask for the token, without showing it."),
    click.option("--timeout", type=float, metavar="SECONDS", help="For the whole call."),
    click.option("--insecure-http", is_flag=True, help="Allow plain http to other machines."),
    click.option("--ca", metavar="FILE", help="Authorities to trust instead of the system's."),
    click.option(
        "--proxy",
        metavar="URL",
        envvar=PROXY_VARIABLE,
        callback=lambda ctx, parameter, value: _proxy(ctx, parameter, value),
        help=f"An HTTP proxy, http://host:port.  [default: {PROXY_VARIABLE}]",
    ),
)


def client_options(command: Callable[..., R]) -> Callable[..., R]:
    """Adds the options of whatever makes calls, with those of :func:`output_options`; the command
    is given ``connection``, a :class:`Connection`, and ``output``."""

    @functools.wraps(command)
    def with_connection(*arguments: Any, **options: Any) -> R:
        fields = {name: options.pop(name) for name in Connection.__dataclass_fields__}
        return command(*arguments, connection=Connection(**fields), **options)

    decorated: Callable[..., R] = with_connection
    for option in reversed(_CONNECTION_OPTIONS):
        decorated = option(decorated)
    return output_options(decorated)


def _proxy(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    on_command_line = (
        parameter.name is not None
        and ctx.get_parameter_source(parameter.name) is click.core.ParameterSource.COMMANDLINE
    )
    if value is not None and "@" in value and on_command_line:
        raise click.BadParameter(
            "has a user name or password, and command lines are public; "
            f"put the URL into {PROXY_VARIABLE}"
        )
    return value
