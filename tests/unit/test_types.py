"""Types of fields, held to the vectors that all languages share."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import PlainSerializer, TypeAdapter, ValidationError

from ron_app_sdk_py.decoding import OWN_FAULTS
from ron_app_sdk_py.types import (
    I64,
    U64,
    U128,
    Base64Url,
    RonModel,
    Timestamp,
    UnixMilliseconds,
    UnixSeconds,
)
from shared_vectors import Case, read

INTEGERS = read("integers.json")
TIMESTAMPS = read("timestamps.json")
BASE64URL = read("base64url.json")
CAPTURES = {case["line"]: case for case in read("answers.json")["captured"]}

WHOLE: dict[str, TypeAdapter[int]] = {
    "u64": TypeAdapter(U64),
    "i64": TypeAdapter(I64),
    "u128": TypeAdapter(U128),
}
TIME: TypeAdapter[datetime] = TypeAdapter(Timestamp)
BYTES: TypeAdapter[bytes] = TypeAdapter(Base64Url)
UNIX: dict[str, TypeAdapter[datetime]] = {
    "seconds": TypeAdapter(UnixSeconds),
    "milliseconds": TypeAdapter(UnixMilliseconds),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def name(case: Case) -> str:
    return str(case.get("name") or case["member"])


def moment(case: Case) -> datetime:
    """What a case means, as far as Python knows it."""
    return EPOCH + timedelta(seconds=case["seconds"], microseconds=case["nanoseconds"] // 1000)


@pytest.mark.parametrize("case", INTEGERS["captured"] + INTEGERS["made"], ids=name)
@pytest.mark.parametrize("kind", WHOLE)
def test_whole_numbers_are_read_and_written_as_the_vectors_say(case: Case, kind: str) -> None:
    adapter = WHOLE[kind]
    schema = Draft202012Validator(adapter.json_schema())
    if kind not in case["types"]:
        with pytest.raises(ValidationError, match="Input should be a whole number from"):
            adapter.validate_json(case["json"])
        return
    value = int(case["value"])
    assert adapter.validate_json(case["json"]) == value
    assert adapter.validate_python(json.loads(case["json"])) == value
    assert schema.is_valid(json.loads(case["json"]))
    written = {"number": str(value), "string": f'"{value}"'}[INTEGERS["written_as"][kind]]
    assert adapter.dump_json(value) == written.encode()
    assert adapter.dump_python(value) == value


def test_the_ranges_of_whole_numbers_are_those_of_the_vectors() -> None:
    for kind, (least, most) in INTEGERS["ranges"].items():
        adapter = WHOLE[kind]
        for value in (int(least), int(most)):
            assert adapter.validate_json(str(value)) == value
        for value in (int(least) - 1, int(most) + 1):
            with pytest.raises(ValidationError):
                adapter.validate_python(value)


def test_captured_values_are_those_of_the_captures() -> None:
    for case in INTEGERS["captured"]:
        answer = json.loads(CAPTURES[case["line"]]["body"])
        assert json.dumps(answer[case["member"]]) == case["json"]
    captured = next(case for case in BASE64URL["read"] if "line" in case)
    assert captured["text"] in CAPTURES[captured["line"]]["body"]


@given(value=st.integers(0, 2**128 - 1))
def test_no_whole_number_loses_a_digit(value: int) -> None:
    adapter = WHOLE["u128"]
    assert adapter.validate_json(str(value)) == value
    assert adapter.validate_json(adapter.dump_json(value)) == value


@pytest.mark.parametrize("case", TIMESTAMPS["read"], ids=name)
def test_times_are_read_and_written_as_the_vectors_say(case: Case) -> None:
    time = TIME.validate_json(json.dumps(case["text"]))
    assert time == moment(case)
    assert time.tzinfo is UTC
    assert TIME.dump_json(time) == json.dumps(case["written"]).encode()
    assert TIME.dump_python(time) is time


@pytest.mark.parametrize("case", TIMESTAMPS["refused"], ids=name)
def test_what_is_no_time_is_refused(case: Case) -> None:
    with pytest.raises(ValidationError, match="a time after RFC 3339"):
        TIME.validate_json(json.dumps(case["text"]))


@pytest.mark.parametrize("case", TIMESTAMPS["unix"], ids=name)
def test_times_since_1970_are_read_as_the_vectors_say(case: Case) -> None:
    adapter = UNIX[case["unit"]]
    if "seconds" not in case:
        with pytest.raises(ValidationError, match=f"{case['unit']} since 1970"):
            adapter.validate_json(case["json"])
        return
    time = adapter.validate_json(case["json"])
    assert time == moment(case)
    assert time.tzinfo is UTC
    assert adapter.dump_json(time) == case["json"].strip('"').encode()


@given(time=st.datetimes(timezones=st.timezones()))
def test_every_time_with_a_zone_is_the_same_after_writing_and_reading(time: datetime) -> None:
    try:
        time.astimezone(UTC)
    except OverflowError:
        return
    assert TIME.validate_json(TIME.dump_json(TIME.validate_python(time))) == time.astimezone(UTC)


@pytest.mark.parametrize("adapter", [TIME, *UNIX.values()])
def test_times_of_python_have_to_be_aware(adapter: TypeAdapter[datetime]) -> None:
    zone = timezone(timedelta(hours=2))
    assert adapter.validate_python(datetime(2026, 1, 1, 2, tzinfo=zone)) == datetime(
        2026, 1, 1, tzinfo=UTC
    )
    with pytest.raises(ValidationError):
        adapter.validate_python(datetime(2026, 1, 1))


@pytest.mark.parametrize("case", BASE64URL["read"], ids=name)
def test_bytes_are_read_and_written_as_the_vectors_say(case: Case) -> None:
    value = BYTES.validate_json(json.dumps(case["text"]))
    assert value == bytes.fromhex(case["hex"])
    assert json.loads(BYTES.dump_json(value)) == case["text"].rstrip("=")
    assert BYTES.validate_python(value) == value
    assert Draft202012Validator(BYTES.json_schema()).is_valid(case["text"])


@pytest.mark.parametrize("case", BASE64URL["refused"], ids=name)
def test_what_is_no_base64url_is_refused(case: Case) -> None:
    with pytest.raises(ValidationError, match="Input should be base64url"):
        BYTES.validate_json(json.dumps(case["text"]))


@given(value=st.binary())
def test_bytes_are_the_same_after_writing_and_reading(value: bytes) -> None:
    assert BYTES.validate_json(BYTES.dump_json(value)) == value


@given(value=st.text() | st.integers() | st.floats() | st.none() | st.booleans() | st.binary())
def test_a_fault_says_nothing_of_the_value(value: Any) -> None:
    adapters: list[TypeAdapter[Any]] = [*WHOLE.values(), TIME, *UNIX.values(), BYTES]
    for adapter in adapters:
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            (fault,) = error.errors(include_input=False)
            assert fault["type"].startswith(OWN_FAULTS)
            with pytest.raises(ValidationError) as other:
                adapter.validate_python(object())
            assert other.value.errors()[0]["msg"] == fault["msg"]


class Counter(RonModel):
    counter: U64
    unix_ms: UnixMilliseconds


def test_a_model_keeps_what_it_does_not_know() -> None:
    body = CAPTURES[1]["body"]
    model = Counter.model_validate_json(body)
    assert (model.counter, model.unix_ms.year) == (5, 2026)
    assert model.model_extra == {
        "reload_gen": 1,
        "banner": "hello-app: reloaded gen=1 @ 1795361836685ms",
    }
    assert json.loads(model.model_dump_json()) == json.loads(body)


def test_how_a_type_is_written_can_be_changed() -> None:
    as_text = TypeAdapter(Annotated[U64, PlainSerializer(str, when_used="json")])
    assert as_text.dump_json(2**64 - 1) == b'"18446744073709551615"'


def test_a_long_text_is_not_read_as_a_number() -> None:
    # Python would raise for more digits than this, and take long for fewer.
    digits = "9" * (sys.get_int_max_str_digits() + 1)
    with pytest.raises(ValidationError, match="whole number"):
        WHOLE["u128"].validate_python(digits)
