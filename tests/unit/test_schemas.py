"""The models are held to the schemas, both ways, and the schemas to what they cite."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import ValidationError

import schemas
from ron_app_sdk_py import Event, Page
from ron_app_sdk_py.problem import Problem
from servers import ROOT
from shared_vectors import read as read_vectors

PROBLEM = schemas.read("problem")
PAGE = schemas.read("page")
EVENT = schemas.read("event")

SOURCES = re.compile(
    r"`protocol\.md` \d+(\.\d+)?|RFC \d{4}, section \d|WHATWG (HTML|URL), section \d"
    r"|docs/(abi|errors)\.md"
)
PROTOCOL = re.compile(r"`protocol\.md` ((10|[1-9])(\.[1-9]\d?)?(, row [1-9]\d?)?(, )?)+(?![\d.])")


def test_there_is_a_schema_for_each_shape() -> None:
    assert schemas.NAMES == [
        "bridge-messages",
        "client-configuration",
        "event",
        "facet-manifest",
        "page",
        "problem",
    ]


@pytest.mark.parametrize("name", schemas.NAMES)
def test_each_is_a_schema_of_2020_12_with_a_name_that_stays(name: str) -> None:
    schema = schemas.read(name)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"urn:ron:schema:{name}"
    assert schema["title"]
    assert schema["description"]
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_property_says_where_it_comes_from(name: str) -> None:
    found = dict(schemas.properties(schemas.read(name)))
    assert found
    for place, property_ in found.items():
        description = property_.get("description", "")
        assert SOURCES.search(description), f"{place}: {description!r}"
        cited = description.count("`protocol.md`")
        assert len(PROTOCOL.findall(description)) == cited, f"{place}: {description!r}"


def test_cited_sections_of_the_abi_are_there() -> None:
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs/abi.md").read_text("utf-8"), re.M)
    text = (schemas.FOLDER / "bridge-messages.schema.json").read_text("utf-8")
    cited = set(re.findall(r"\(docs/abi\.md, ([^)]*)\)", text))
    assert len(cited) > 4
    assert cited <= set(headings)


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "objekt"},
        {"type": "object", "required": "code"},
        {"properties": []},
        {"pattern": "("},
        {"minimum": "0"},
        [],
    ],
    ids=json.dumps,
)
def test_a_schema_that_is_none_is_refused(broken: Any) -> None:
    with pytest.raises(SchemaError):
        Draft202012Validator.check_schema(
            broken, format_checker=Draft202012Validator.FORMAT_CHECKER
        )


@given(schemas.instances(PROBLEM))
def test_a_problem_of_the_schema_survives_the_model(instance: dict[str, Any]) -> None:
    problem = Problem.model_validate(instance)
    assert problem.model_dump() == instance
    assert json.loads(problem.model_dump_json()) == instance
    assert Problem.model_validate_json(json.dumps(instance)) == problem


SOME = st.text(min_size=1, max_size=20)
OBJECT = st.dictionaries(schemas.TEXT, schemas.JSON, max_size=3)


@given(
    st.builds(
        Problem,
        status=st.integers(300, 999),
        code=SOME,
        message=SOME,
        kind=SOME,
        title=SOME,
        type=SOME,
        reason=st.none() | SOME,
        retryable=st.booleans(),
        retry_after_ms=st.none() | st.integers(0, 2**64 - 1),
        correlation_id=st.none() | SOME,
        details=st.none() | OBJECT,
        extensions=OBJECT,
    )
)
def test_a_problem_of_the_model_is_one_of_the_schema(problem: Problem) -> None:
    schemas.validator(PROBLEM).validate(problem.model_dump())


def test_schema_and_model_name_the_same_members() -> None:
    assert [*Problem.model_fields] == [*PROBLEM["properties"]] == PROBLEM["required"]


def test_every_problem_of_the_vectors_is_one_of_the_schema() -> None:
    vectors = read_vectors("problems.json")
    cases = vectors["captured"] + vectors["made"]
    assert len(cases) > 300
    for case in cases:
        expected = {name: value for name, value in case["expected"].items() if name != "class"}
        schemas.validator(PROBLEM).validate({"status": case["status"], **expected})


def event_of(instance: dict[str, Any]) -> Event:
    return Event(**instance)


def instance_of(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in EVENT["properties"]}


@given(schemas.instances(EVENT))
def test_an_event_of_the_schema_survives_the_model(instance: dict[str, Any]) -> None:
    event = event_of(instance)
    assert instance_of(event) == instance
    assert event == event_of(json.loads(json.dumps(instance)))
    assert isinstance(event.received, datetime)


LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20)


@given(
    st.builds(
        Event,
        LINE.filter(bool),
        st.lists(LINE, max_size=3).map("\n".join),
        LINE.map(lambda id_: id_.replace("\0", "")),
        st.none() | st.integers(0, 2**64 - 1),
    )
)
def test_an_event_of_the_model_is_one_of_the_schema(event: Event) -> None:
    schemas.validator(EVENT).validate(instance_of(event))


def test_every_event_of_the_vectors_is_one_of_the_schema() -> None:
    messages = [
        message
        for case in read_vectors("event_streams.json")["parsed"]
        for message in case["messages"]
        if "type" in message
    ]
    assert len(messages) > 30
    for message in messages:
        instance = {name: message.get(name) for name in EVENT["properties"]}
        schemas.validator(EVENT).validate(instance)


@given(st.builds(Page, st.lists(schemas.JSON, max_size=3), st.none() | SOME))
def test_a_page_of_the_model_is_one_of_the_schema(page: Page[Any]) -> None:
    instance = {name: getattr(page, name) for name in PAGE["properties"]}
    schemas.validator(PAGE).validate(instance)


def test_every_page_of_the_vectors_in_the_first_form_is_one_of_the_schema() -> None:
    contents = [
        json.loads(case["content"].removeprefix("\ufeff"))
        for case in read_vectors("pagination.json")["pages"]
    ]
    pages = [content for content in contents if "items" in content]
    assert len(pages) > 5
    for page in pages:
        schemas.validator(PAGE).validate(page)


def wrong_values(schema: dict[str, Any]) -> list[Any]:
    """For a property: a value of another type, and one for each bound that it breaks."""
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    wrong: list[Any] = [1 if "string" in types else "wrong"]
    if "null" not in types:
        wrong.append(None)
    if schema.get("minLength"):
        wrong.append("")
    if "minimum" in schema:
        wrong.append(schema["minimum"] - 1)
    if "maximum" in schema:
        wrong.append(schema["maximum"] + 1)
    if "pattern" in schema:
        pattern = schemas.for_python(schema)["pattern"]
        wrong += [text for text in ("", "a\rb", "a\nb\n", "a\0") if not re.search(pattern, text)]
    return wrong


VALID: dict[str, dict[str, Any]] = {
    "problem": {
        **Problem(
            status=404,
            code="c",
            message="m",
            kind="k",
            title="t",
            type="urn:x",
            retryable=False,
        ).model_dump()
    },
    "event": {"type": "message", "data": "d", "id": "", "retry": None},
    "page": {"items": [1], "next_page_token": None},
}


@pytest.mark.parametrize(
    ("name", "member", "wrong"),
    [
        (name, member, wrong)
        for name in VALID
        for member, schema in schemas.read(name)["properties"].items()
        for wrong in wrong_values(schema)
    ],
)
def test_an_instance_with_one_wrong_member_is_refused_by_its_name(
    name: str, member: str, wrong: Any
) -> None:
    validator = schemas.validator(schemas.read(name))
    assert validator.is_valid(VALID[name])
    errors = [*validator.iter_errors({**VALID[name], member: wrong})]
    assert [[*error.path] for error in errors] == [[member]] * len(errors)
    assert errors


@pytest.mark.parametrize("name", VALID)
def test_an_instance_that_lacks_a_member_is_refused(name: str) -> None:
    schema = schemas.read(name)
    for member in schema["required"]:
        rest = {key: value for key, value in VALID[name].items() if key != member}
        (error,) = schemas.validator(schema).iter_errors(rest)
        assert repr(member) in error.message


@pytest.mark.parametrize("name", ["problem", "event"])
def test_what_the_component_makes_has_no_other_members(name: str) -> None:
    assert not schemas.validator(schemas.read(name)).is_valid({**VALID[name], "more": 1})


def test_the_model_refuses_what_the_schema_refuses_by_type() -> None:
    for member in PROBLEM["properties"].keys() - {"details"}:
        with pytest.raises(ValidationError, match=member):
            Problem.model_validate({**VALID["problem"], member: [object]})
