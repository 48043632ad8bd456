"""What the command writes: results to stdout, everything else to stderr, no secret to either.

Text of servers is never taken for markup, and its control characters are escaped. Only the content
of an answer that goes to a pipe or a file is passed on as the server sent it.
"""

from __future__ import annotations

import contextlib
import json as json_
import sys
from typing import TYPE_CHECKING, Any

from ..redact import Redactor
from .exit_codes import exit_code
from .json_layout import changed, in_one_line, indented
from .terminal import encodable, encodable_json, escaped, escaped_json, is_terminal, one_line

if TYPE_CHECKING:
    from rich.text import Text

    from ..errors import RonError

_OPTIONS = {
    "base_url": "--url",
    "allow_insecure_http": "--insecure-http",
    "tls_ca": "--ca",
    "max_request_bytes": "--max-bytes",
    "max_response_bytes": "--max-bytes",
}
"""The options that stand for fields of the configuration by other names, which messages use."""


def options_for(message: str) -> str:
    """What the fields of the configuration that a message names are called here; or empty."""
    named = [f"{name} is {option}" for name, option in _OPTIONS.items() if name in message]
    return f"here {', '.join(named)}" if named else ""


class Output:
    """Where a command's results and messages go.

    Args:
        json: whether results are JSON documents, one to a line, and errors too.
        verbosity: 0; 1 to tell of each attempt and what is known beyond an error's message; 2 for
            more.

    Attributes:
        json: as given.
        verbosity: as given.
    """

    def __init__(self, *, json: bool = False, verbosity: int = 0) -> None:
        self.json = json
        self.verbosity = verbosity
        self._redactor = Redactor()

    def hide(self, secret: str | None) -> None:
        """Keeps a secret out of everything that is written from now on but :meth:`content`."""
        self._redactor.add(secret)

    def value(self, data: Any) -> None:
        """A result: JSON in one line with ``--json``, indented without."""
        self.document(json_.dumps(data, ensure_ascii=False))

    def document(self, text: str) -> None:
        """The same for what is valid JSON text already: not a digit is lost."""
        if self.json:
            self._tell(in_one_line(changed(text, self._redactor.scrub)))
            return
        encoding = None if sys.stdout is None else sys.stdout.encoding
        shown = encodable_json(
            escaped_json(indented(changed(text, self._redactor.scrub))), encoding
        )
        if not self.on_terminal:
            self._tell(shown)
            return
        from rich.highlighter import JSONHighlighter
        from rich.text import Text

        styled = Text(shown)
        JSONHighlighter().highlight(styled)
        self._print(styled)

    def line(self, text: str) -> None:
        """A result for people: a line, or several. Nothing with ``--json``."""
        if not self.json:
            self._tell(escaped(self._redactor.scrub(text)))

    def result(self, data: Any, text: str) -> None:
        """A result: ``data`` as a JSON document with ``--json``, ``text`` without."""
        if self.json:
            self.value(data)
        else:
            self.line(text)

    def content(self, content: bytes) -> None:
        """The content of an answer, byte for byte."""
        if sys.stdout is None:
            raise OSError(None, "stdout is closed")
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()

    def styled(self, *parts: tuple[str, str]) -> None:
        """A line of a result for people, of pieces of text with their styles, such as ``green``,
        which show on terminals only. Nothing with ``--json``."""
        if self.json:
            return
        shown = [(one_line(self._redactor.scrub(text)), style) for text, style in parts]
        if not self.on_terminal:
            self._tell("".join(text for text, _ in shown))
            return
        from rich.text import Text

        encoding = sys.stdout.encoding
        self._print(Text.assemble(*((encodable(text, encoding), style) for text, style in shown)))

    def told(self, data: Any) -> None:
        """What programs should know beside the result: a document on stderr."""
        self._mention(changed(json_.dumps(data), self._redactor.scrub))

    def note(self, text: str) -> None:
        """What people should know beside the result, on stderr."""
        self._mention("\n".join(map(one_line, self._redactor.scrub(text).splitlines())))

    def warning(self, text: str) -> None:
        """A warning, on stderr."""
        self.note(f"ron: warning: {text}")

    def error(self, error: RonError) -> None:
        """Why there is no result, on stderr: a line, or a document with ``--json``."""
        if self.json:
            self.told({"error": _described(error)})
            return
        self.note(f"ron: {one_line(str(error))}")
        if options := options_for(error.message):
            self.note(f"ron: {options}")
        if self.verbosity:
            for text in [*getattr(error, "__notes__", ()), str(error.timeline)]:
                self.note(text)
            if error.request_id is not None:
                self.note(f"request id {error.request_id}")

    def fault(self, kind: str, message: str, code: int, text: str | None = None) -> None:
        """The same for what is no error of the client's: its type, and ``text`` for people if that
        is not the message."""
        if self.json:
            self.told({"error": {"type": kind, "message": message, "exit_code": code}})
        else:
            self.note(f"ron: {message}" if text is None else text)

    @property
    def on_terminal(self) -> bool:
        """Whether results go to a terminal."""
        return is_terminal(sys.stdout)

    def _print(self, text: Text) -> None:
        from rich.console import Console

        # The terminal wraps what is too long: breaks put in here would be copied along.
        Console(file=sys.stdout).print(text, soft_wrap=True)

    def _tell(self, text: str) -> None:
        if sys.stdout is None:
            raise OSError(None, "stdout is closed")
        sys.stdout.write(encodable(text, sys.stdout.encoding) + "\n")
        sys.stdout.flush()

    def _mention(self, text: str) -> None:
        # A message that nobody can be given is no reason to fail.
        if sys.stderr is not None:
            with contextlib.suppress(OSError):
                sys.stderr.write(encodable(text, sys.stderr.encoding) + "\n")
                sys.stderr.flush()


def _described(error: RonError) -> dict[str, Any]:
    """An error's members, by their names in Python."""
    members: dict[str, Any] = {"type": type(error).__name__, "message": error.message}
    for name in ("code", "status", "kind", "retryable", "retry_after", "correlation_id"):
        members[name] = getattr(error, name, None)
    for name in ("reason", "phase", "request_id", "attempts"):
        members[name] = getattr(error, name, None)
    shown = {name: value for name, value in members.items() if value is not None}
    return {**shown, "exit_code": int(exit_code(error))}
