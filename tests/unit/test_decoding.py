"""Answers as models."""

from __future__ import annotations

import gc
import json
import pickle
import weakref
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from ron_app_sdk_py import RonParseError, RonRequestError, decoding
from ron_app_sdk_py.defaults import MAX_MODELS
from ron_app_sdk_py.redact import Redactor
from ron_app_sdk_py.response import Response
from ron_app_sdk_py.types import U64, RonModel, Timestamp
from servers import TOKEN

JSON = ("Content-Type", "application/json")


def response(content: bytes | str, *fields: tuple[str, str]) -> Response:
    if isinstance(content, str):
        content = content.encode()
    return Response(
        200, [JSON, *fields], content, attempts=2, request_id="rid", redactor=Redactor(TOKEN)
    )


def fault(content: bytes | str, model: Any) -> RonParseError:
    with pytest.raises(RonParseError) as caught:
        response(content).parse(model)
    error = caught.value
    assert (error.attempts, error.request_id) == (2, "rid")
    # What Pydantic raises holds the values.
    assert error.__cause__ is error.__context__ is None
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return error


class Part(BaseModel):
    size: int
    kind: Literal["a", "b"] = "a"


class Whole(BaseModel):
    items: list[Part]
    by_name: dict[str, int | bool] = {}


@dataclass
class Plain:
    size: U64
    name: str = "n"


class Typed(TypedDict):
    size: int


@pytest.mark.parametrize(
    ("model", "content", "value"),
    [
        (Part, '{"size":1,"more":2}', Part(size=1)),
        (list[Part], '[{"size":1},{"size":2,"kind":"b"}]', [Part(size=1), Part(size=2, kind="b")]),
        (Plain, '{"size":"18446744073709551615"}', Plain(2**64 - 1)),
        (Typed, '{"size":1}', {"size": 1}),
        (dict[str, list[U64]], '{"a":["1",2]}', {"a": [1, 2]}),
        (int, "123456789012345678901234567890", 123456789012345678901234567890),
        (int | None, "null", None),
        (int | None, "", None),
        (type(None), "", None),
        (Part, b'\xef\xbb\xbf {"size":1}', Part(size=1)),
        (Annotated[int, Field(gt=3)], "4", 4),
        (Annotated[int, {"unhashable": []}], "4", 4),
        (str | bytes, '"a"', "a"),
        (bytes | str, '"a"', b"a"),
        (str, '"NaN and Infinity"', "NaN and Infinity"),
        (float, "1e3", 1000.0),
    ],
)
def test_an_answer_becomes_what_the_model_says(model: Any, content: Any, value: Any) -> None:
    parsed = response(content).parse(model)
    assert parsed == value
    assert type(parsed) is type(value)
    # Of unions that are equal, and of what is kept, one does not become another.
    assert type(response(content).parse(model)) is type(value)


@pytest.mark.parametrize(
    ("content", "model", "places"),
    [
        ('{"items":[{"size":1},{"size":"x"}]}', Whole, ["items[1].size: "]),
        ('{"items":[{"size":1,"kind":"c"}]}', Whole, ["items[0].kind: Input should be 'a' or 'b'"]),
        ('{"items":[{}]}', Whole, ["items[0].size: Field required"]),
        ("{}", Whole, ["items: Field required"]),
        ("[]", Whole, ["Whole: the document: Input should be an object"]),
        ("null", Whole, ["Whole: the document: Input should be an object"]),
        ('{"items":[],"by_name":{"é b":"x"}}', Whole, ["by_name['\\xe9 b']: "]),
        ('{"items":[],"by_name":{"ab":"x"}}', Whole, ["by_name.ab: Input", "; by_name.ab: Input"]),
        ('[[1],["x"]]', list[list[int]], ["[1][0]: "]),
        ('{"size":1.5}', Plain, ["Plain: size: Input should be a whole number from 0"]),
        ("{}", Typed, ["Typed: size: Field required"]),
        ('["x"]', list[int], ["list[int]: [0]: "]),
    ],
)
def test_what_does_not_fit_is_named_by_its_place_in_the_document(
    content: str, model: Any, places: list[str]
) -> None:
    error = fault(content, model)
    assert error.code == "invalid_model"
    for place in places:
        assert place in str(error)


def test_of_many_faults_some_are_named_and_all_counted() -> None:
    message = str(fault("[" + ",".join(['"x"'] * 100) + "]", list[int]))
    assert message.count("Input should be") == 3
    assert message.endswith("; and 97 more")
    flood = str(fault("[" + ",".join(['"x"'] * 10_001) + "]", list[int]))
    assert flood == "the answer is no list[int]: it is wrong in 10001 places"


def test_no_content_is_no_model() -> None:
    error = fault("", Part)
    assert (error.code, str(error)) == ("invalid_model", "the answer is no Part: it is empty")


@pytest.mark.parametrize(
    "content",
    ["{", "NaN", '{"size":NaN}', "[-Infinity]", "{} {}", b"\xff", b'"\xff"', "9" * 5000, "x"],
)
@pytest.mark.parametrize("model", [Part, float, Any, list[float], str])
def test_what_is_no_json_is_no_model(content: Any, model: Any) -> None:
    assert fault(content, model).code == "invalid_json"


def test_what_only_pydantic_does_not_read_is_no_json_either() -> None:
    error = fault("[" * 300 + "]" * 300, list[Any])
    assert error.code == "invalid_json"
    assert "recursion limit" in str(error)


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None

    @field_validator("id")
    @classmethod
    def _refuse(cls, value: str) -> str:
        if value.startswith("hunter"):
            raise ValueError(f"{value} is refused")
        return value


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"id":"hunterabc"}', "id: refused (value_error)"),
        ('{"id":"hunter22"}', "id: String should match pattern '^[a-z]+$'"),
        ('{"pet":{"kind":"hunter22"}}', "pet: the tag should be one of 'cat', 'dog'"),
        ('{"pet":{"kind":"cat"},"other":"hunter22"}', "other: Extra inputs are not permitted"),
        ('{"id":7}', "id: Input should be a valid string"),
    ],
)
def test_a_fault_never_shows_the_value(content: str, says: str) -> None:
    error = fault(content, Strict)
    assert says in str(error)
    assert "hunter" not in repr(error)


class Named(BaseModel):
    id: str

    @field_validator("id")
    @classmethod
    def _refuse(cls, value: str) -> str:
        raise PydanticCustomError("ron_bad_id", "{value} is refused", {"value": value})


def test_a_kind_of_fault_of_the_user_s_own_is_named_without_its_message() -> None:
    error = fault('{"id":"hunter22"}', Named)
    assert "id: refused (ron_bad_id)" in str(error)
    assert "hunter" not in repr(error)


@pytest.mark.parametrize(
    ("model", "called"),
    [(U64, "[int, u64]"), (list[Timestamp], "[datetime.datetime, timestamp]")],
)
def test_the_types_of_this_package_have_names_in_errors(model: Any, called: str) -> None:
    message = str(fault("true", model))
    assert called in message
    assert " at 0x" not in message


@given(
    st.recursive(
        st.sampled_from(["hunter22", 1.5, None, True, [], {}]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner),
    )
)
def test_no_fault_of_any_document_shows_a_value(document: Any) -> None:
    for model in (Whole, Plain, Strict, dict[str, Part], list[Part], U64, int):
        # What ends with an empty object is none of these.
        message = str(fault(json.dumps([document, {}]), model))
        assert "hunter" not in message
        assert len(message) < 1500


def test_the_credential_as_a_name_in_the_document_is_not_shown() -> None:
    error = fault(f'{{"{TOKEN}":"x"}}', dict[str, int])
    assert "[redacted]" in str(error)
    assert TOKEN[:8] not in repr(error)


class Unfinished(BaseModel):
    other: "NotThere"  # type: ignore[name-defined]  # noqa: F821, UP037


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("hunter22", "model is str"),
        (7, "model is int"),
        (object(), "model is object"),
        (response("{}"), "model is Response"),
        (Unfinished, r"model is Unfinished, .*\(class-not-fully-defined\); define all"),
        ([int], "model is list"),
    ],
)
def test_what_is_no_model_is_refused(model: Any, named: str) -> None:
    with pytest.raises(RonRequestError, match=named) as caught:
        response("{}").parse(model)
    assert caught.value.code == "unusable_model"
    assert "hunter22" not in str(caught.value)


def test_what_reads_a_model_is_kept_and_only_so_many_are() -> None:
    assert decoding.decoder(Part) is decoding.decoder(Part)
    assert decoding.decoder(list[Part]) is decoding.decoder(list[Part])
    assert decoding.decoder(Part, "items") is not decoding.decoder(Part)

    class Passing(BaseModel):
        pass

    kept = weakref.ref(Passing)
    decoding.decoder(Passing)
    del Passing
    for number in range(MAX_MODELS):
        decoding.decoder(Annotated[int, number])
    gc.collect()
    assert kept() is None


def test_unknown_members_are_kept_where_the_model_keeps_them() -> None:
    class Open(RonModel):
        size: int

    parsed = response('{"size":1,"more":{"large":18446744073709551616}}').parse(Open)
    assert parsed.model_extra == {"more": {"large": 2**64}}
