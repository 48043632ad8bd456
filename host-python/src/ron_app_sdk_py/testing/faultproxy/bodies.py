"""What the bodies of requests say, checked. Errors have Toxiproxy's texts, and the member at
fault."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from .addresses import Address
from .errors import ToxiproxyError
from .models import TYPES, Attributes, Stream, Toxic

DEFAULT_LISTEN = "127.0.0.1:0"
"""Where a proxy listens that is not told."""

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
_Object = dict[str, Any]


def _address(value: object) -> object:
    return Address.parse(value) if isinstance(value, str) else value


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, arbitrary_types_allowed=True)


_Address = Annotated[Address, BeforeValidator(_address)]


class ProxyCreation(_Body):
    """A proxy to be made."""

    name: str = ""
    listen: _Address = Field(default=DEFAULT_LISTEN, validate_default=True)
    upstream: _Address
    enabled: bool = True


class ProxyChange(_Body):
    """What is to be different about a proxy; None is as it was."""

    listen: _Address | None = None
    upstream: _Address | None = None
    enabled: bool | None = None


class _ToxicCreation(_Body):
    name: str = ""
    type: str = ""
    stream: str = "downstream"
    toxicity: float = Field(default=1.0, ge=0, le=1)
    attributes: _Object = {}


class _ToxicChange(_Body):
    toxicity: float | None = Field(default=None, ge=0, le=1)
    attributes: _Object = {}


def proxy_creation(body: bytes) -> ProxyCreation:
    """The proxy of ``POST /proxies``.

    Raises:
        ToxiproxyError: the body is no good.
    """
    return _creation(_json(_Object, body), "")


def proxy_creations(body: bytes) -> list[ProxyCreation]:
    """The proxies of ``POST /populate``.

    Raises:
        ToxiproxyError: the body is no good.
    """
    creations = [
        _creation(given, f" at proxy {number}")
        for number, given in enumerate(_json(list[_Object], body), 1)
    ]
    names = [creation.name for creation in creations]
    for name in names:
        if names.count(name) > 1:
            raise _bad_request(f"name: {name!r:.100} is there twice; give each proxy its own")
    return creations


def proxy_change(body: bytes) -> ProxyChange:
    """What ``PATCH /proxies/{proxy}`` changes.

    Raises:
        ToxiproxyError: the body is no good.
    """
    return _checked(ProxyChange, _json(_Object, body))


def new_toxic(body: bytes) -> Toxic:
    """The toxic of ``POST /proxies/{proxy}/toxics``.

    Raises:
        ToxiproxyError: the body is no good.
    """
    given = _checked(_ToxicCreation, _json(_Object, body))
    if given.stream not in get_args(Stream):
        raise ToxiproxyError("stream was invalid, can be either upstream or downstream", 400)
    if given.type not in TYPES:
        raise ToxiproxyError(
            f"invalid toxic type: {given.type!r:.100}; give one of {', '.join(TYPES)}", 400
        )
    return Toxic(
        name=given.name or f"{given.type}_{given.stream}",
        type=given.type,
        stream="upstream" if given.stream == "upstream" else "downstream",
        toxicity=given.toxicity,
        attributes=_attributes(TYPES[given.type], given.attributes),
    )


def changed_toxic(toxic: Toxic, body: bytes) -> Toxic:
    """What ``PATCH /proxies/{proxy}/toxics/{toxic}`` makes of a toxic.

    Raises:
        ToxiproxyError: the body is no good.
    """
    given = _checked(_ToxicChange, _json(_Object, body))
    attributes = {**toxic.attributes.model_dump(), **_without_nulls(given.attributes)}
    update = {"attributes": _attributes(type(toxic.attributes), attributes)}
    if given.toxicity is not None:
        return toxic.model_copy(update={**update, "toxicity": given.toxicity})
    return toxic.model_copy(update=update)


def _creation(given: _Object, where: str) -> ProxyCreation:
    given = _without_nulls(given)
    for name in ("name", "upstream"):
        if given.get(name, "") == "":
            raise ToxiproxyError(f"missing required field: {name}{where}", 400)
    if given.get("listen") == "":
        del given["listen"]
    return _checked(ProxyCreation, given, where)


def _attributes(kind: type[Attributes], given: _Object) -> Attributes:
    for name in given:
        if name not in kind.model_fields:
            known = ", ".join(kind.model_fields)
            raise _bad_request(f"attributes.{name:.100}: not known; give {known}")
    return _checked(kind, given, prefix="attributes.")


def _json(kind: type[T], body: bytes) -> T:
    try:
        return TypeAdapter(kind).validate_json(body)
    except ValidationError as error:
        raise _bad_request(_said(error)) from None


def _checked(kind: type[M], given: _Object, where: str = "", prefix: str = "") -> M:
    try:
        return kind.model_validate(_without_nulls(given))
    except ValidationError as error:
        raise _bad_request(prefix + _said(error) + where) from None


def _without_nulls(given: _Object) -> _Object:
    """The members that are told: null is as good as none."""
    return {name: value for name, value in given.items() if value is not None}


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def _bad_request(message: str) -> ToxiproxyError:
    return ToxiproxyError(f"bad request body: {message}", 400)
