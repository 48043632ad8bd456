"""The bridge's messages are what the schema says, to the component and to ``engine/messages``."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from bridge_fields import DEFS, SCHEMA, fields, framed, output, variant, variants
from ron_app_sdk_py.engine import messages
from ron_app_sdk_py.engine.instance import Instance
from ron_app_sdk_py.engine.messages import decode
from ron_app_sdk_py.engine.runtime import shared
from servers import ROOT

EXPORTS = variants("Input", "export")
KINDS = variants("Item", "kind")
EVENTS = variants("Event", "event")
ENTROPY = "0f" * 32


class Bridge:
    """The component, called with instances of the schema."""

    def __init__(self) -> None:
        self._instance = Instance(shared())

    def say(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Calls an export; the output is one of the schema."""
        return self.cross(instance["export"], framed([*fields(DEFS["Input"], instance)]))

    def cross(self, export: str, message: str) -> dict[str, Any]:
        text = self._instance.call(export, message.encode())
        answer = output(text)
        schemas.validator(SCHEMA).validate(answer)
        assert len(decode(text).items) == len(answer["items"])
        return answer

    def open(self, **settings: Any) -> None:
        given = {"base-url": "http://127.0.0.1", **settings}
        (item,) = self.say({**CLOCKS, **OPEN, "settings": given})["items"]
        assert item["kind"] == "opened"


CLOCKS: dict[str, Any] = {"mono": 1, "wall": 2}
OPEN: dict[str, Any] = {"export": "open", "entropy": ENTROPY, "session": 1}
BEGIN: dict[str, Any] = {
    **CLOCKS,
    "export": "begin",
    "session": 1,
    "call": 7,
    "method": "GET",
    "path": "/x",
    "body-length": None,
    "options": {},
    "query": [],
    "headers": [],
}


def faults(answer: dict[str, Any]) -> list[str]:
    """What the component finds wrong with the form of a message."""
    return [
        item["json"]["message"]
        for item in answer["items"]
        if item["kind"] == "error" and item["error-kind"] == "abi"
    ]


@pytest.mark.parametrize("export", EXPORTS)
@settings(deadline=None)
@given(data=st.data())
def test_every_input_of_the_schema_is_taken_apart_by_the_component(
    export: str, data: st.DataObject
) -> None:
    bridge = Bridge()
    if export != "open":
        bridge.open(**{"token-provider": True})
    instance = data.draw(schemas.instances(variant("Input", "export", export), DEFS))
    if export in ("derive", "begin"):
        instance |= {"parent": 1, "session": 2} if export == "derive" else {"session": 1}
    event = instance.get("event", {})
    if event.get("event") == "data" and event["exchange"] != 1:
        event["exchange"] = 1
    assert faults(bridge.say(instance)) == []


COMPLETE: dict[str, dict[str, Any]] = {
    "open": {**CLOCKS, **OPEN, "settings": {"base-url": "https://e"}},
    "derive": {**CLOCKS, "export": "derive", "parent": 1, "session": 2, "settings": {}},
    "begin": BEGIN,
    "cancel": {**CLOCKS, "export": "cancel", "call": 7},
    "close": {**CLOCKS, "export": "close", "session": 1},
    "stats": {**CLOCKS, "export": "stats"},
}
FEED: dict[str, Any] = {**CLOCKS, "export": "feed", "call": 7}
COMPLETE |= {
    f"feed {event['event']}": {**FEED, "event": event}
    for event in (
        {"event": "tick"},
        {"event": "restart"},
        {"event": "response", "exchange": 1, "status": 200, "headers": []},
        {"event": "data", "exchange": 1, "end": "0", "bytes": "x"},
        {"event": "credential", "token": "t", "lifetime": 1},
        {"event": "no-credential", "message": "m"},
        {"event": "failure", "exchange": 1, "error-code": "connection-refused", "detail": ""},
    )
}


def test_every_export_and_event_has_a_complete_message() -> None:
    assert {name.partition(" ")[0] for name in COMPLETE} == {*EXPORTS}
    assert {name.partition(" ")[2] for name in COMPLETE} - {""} == {*EVENTS}


def ready(export: str) -> Bridge:
    bridge = Bridge()
    if export != "open":
        bridge.open(**({"token-provider": True} if export == "feed" else {}))
    if export in ("cancel", "feed"):
        first = bridge.say(BEGIN)["items"][0]["kind"]
        assert first == ("credential" if export == "feed" else "send")
    return bridge


@pytest.mark.parametrize("name", COMPLETE)
def test_the_component_misses_each_field_by_the_name_in_the_schema(name: str) -> None:
    instance = COMPLETE[name]
    export = instance["export"]
    assert faults(ready(export).say(instance)) == []
    whole = [*fields(DEFS["Input"], instance)]
    for at, (field, _) in enumerate(whole):
        if field == "bytes":
            # What follows the last field may be nothing.
            continue
        (fault,) = faults(ready(export).cross(export, framed(whole[:at])))
        assert f"the field {field} is missing" in fault, name
    if "bytes" not in dict(whole):
        longer = framed([*whole, ("more", "x")])
        assert len(faults(ready(export).cross(export, longer))) == 1


@pytest.mark.parametrize("name", COMPLETE)
def test_the_component_wants_numbers_where_the_schema_does(name: str) -> None:
    instance = COMPLETE[name]
    export = instance["export"]
    numbers = {
        place.rpartition("/")[2]
        for place, schema in schemas.properties(SCHEMA)
        if schema.get("x-field") in ("number", "block")
    }
    whole = [*fields(DEFS["Input"], instance)]
    for at, (field, _) in enumerate(whole):
        if field not in numbers or whole[at - 1][0] == field:
            # Of a block the count is a number.
            continue
        for wrong in ("x", "-1", "18446744073709551610"):
            broken = [*whole[:at], (field, wrong), *whole[at + 1 :]]
            (fault,) = faults(ready(export).cross(export, framed(broken)))
            assert field in fault, (name, wrong)


def block_of(definition: str) -> list[tuple[str, dict[str, Any]]]:
    return [*DEFS[definition]["properties"].items()]


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        (definition, name)
        for definition in ("Settings", "DerivedSettings", "Options")
        for name, _ in block_of(definition)
    ],
)
@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_each_setting_and_option_is_known_and_read_as_the_schema_says(
    definition: str, name: str, data: st.DataObject
) -> None:
    schema = DEFS[definition]["properties"][name]
    export = {"Settings": "open", "DerivedSettings": "derive", "Options": "begin"}[definition]
    member = "options" if export == "begin" else "settings"
    needed = DEFS[definition].get("dependentRequired", {}).get(name, [])
    base: dict[str, Any] = {"base-url": "https://e"} if export == "open" else {}
    base |= dict.fromkeys(needed, "events")
    instance = {
        **COMPLETE[export],
        member: base | {name: data.draw(schemas.instances(schema, DEFS))},
    }
    assert faults(ready(export).say(instance)) == []
    is_free_text = schemas.resolved(schema, DEFS).get("x-field") == "text" and "pattern" in schema
    if not is_free_text:
        (fault,) = faults(ready(export).say({**instance, member: {**base, name: "quadratic"}}))
        assert name in fault
    if needed:
        alone = {**instance, member: {name: instance[member][name]}}
        assert not schemas.validator(SCHEMA).is_valid(alone)
        (fault,) = faults(ready(export).say(alone))
        assert name in fault


@pytest.mark.parametrize("export", ["open", "derive", "begin"])
def test_an_unknown_setting_or_option_is_refused_by_both(export: str) -> None:
    member = "options" if export == "begin" else "settings"
    instance = {**COMPLETE[export], member: {"unheard-of": "x"}}
    assert not schemas.validator(SCHEMA).is_valid(instance)
    (fault,) = faults(ready(export).say(instance))
    assert "unheard-of" in fault


@pytest.mark.checkout
def test_the_schema_has_every_setting_option_and_item_of_the_source_and_the_document() -> None:
    source = (ROOT / "component/bridge/src/messages.rs").read_text("utf-8")
    reading = source[source.index("pub struct Open") : source.index("fn flag(")]
    arms = set(re.findall(r'^ +"([a-z-]+)"(?: if .*)? => ', reading, re.M))
    of_values = {"omit", "include", "warn", "info", "debug", "credential", "no-credential"}
    names = {name for definition in BLOCKS for name, _ in block_of(definition)}
    assert names == arms - of_values
    document = (ROOT / "docs/abi.md").read_text("utf-8")
    documented = set(re.findall(r"`([a-z-]+)`", document))
    assert names | {*KINDS} | {*EVENTS} | {*EXPORTS} <= documented
    written = set()
    for path in ("bridge/src/messages.rs", "wire/src/commands.rs"):
        text = (ROOT / "component" / path).read_text("utf-8")
        written |= set(re.findall(r'out\.text\("([a-z]+)"\)|item\(out, call, "([a-z]+)"', text))
    of_values = {"abi", "held", "bytes", "missing", "expired", "refused"}
    kinds = {name for pair in written for name in pair} - {"", *of_values}
    assert kinds == {*KINDS}


BLOCKS = ("Settings", "DerivedSettings", "Options")

CLASSES = {
    "send": messages.Send,
    "abort": messages.Abort,
    "read": messages.Read,
    "done": messages.Done,
    "error": messages.Failed,
    "opened": messages.Opened,
    "stats": messages.Stats,
    "log": messages.Log,
    "timeline": messages.Attempts,
    "connected": messages.Connected,
    "events": messages.Events,
    "lost": messages.Disconnected,
    "start": messages.Start,
    "credential": messages.Credential,
}


def as_python(item: dict[str, Any]) -> tuple[Any, ...]:
    """An item as the fields of its class in ``engine/messages``."""
    kind = item["kind"]
    rest = {name: value for name, value in item.items() if name != "kind"}
    order = variant("Item", "kind", kind)["x-fields"]
    values = [rest[name] for name in order if name in rest]
    match kind:
        case "send":
            values[-2:] = [value and [*map(tuple, value)] for value in values[-2:]]
            values[-1] = None if rest["body"] is None else values[-1]
        case "stats":
            values[-1] = dict(values[-1])
        case "log":
            values[-1] = [*map(tuple, values[-1])]
        case "timeline":
            columns = ("start", "duration", "status", "code", "wait")
            values[-1] = [tuple(one[name] for name in columns) for one in rest["attempts"]]
        case "error" | "lost":
            values[-1] = json.dumps(values[-1])
        case "events":
            rows = values.pop()
            values += [[row[name] for row in rows] for name in ("type", "data", "id", "retry")]
    return tuple(values)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(data=st.data())
def test_every_item_of_the_schema_is_taken_apart_by_python_and_read_back(
    kind: str, data: st.DataObject
) -> None:
    items = schemas.instances(variant("Item", "kind", kind), DEFS)
    instance: dict[str, Any] = {
        "wake-at": data.draw(st.none() | st.integers(0, 2**63)),
        "items": data.draw(st.lists(items, min_size=1, max_size=3)),
    }
    schemas.validator(SCHEMA).validate(instance)
    message = framed([*fields(DEFS["Output"], instance)])
    decoded = decode(message)
    assert decoded.wake_at == instance["wake-at"]
    given_items: list[dict[str, Any]] = instance["items"]
    for item, given_item in zip(decoded.items, given_items, strict=True):
        assert type(item) is CLASSES[kind]
        assert tuple(item) == as_python(given_item)
    assert output(message) == instance


def test_the_component_writes_every_kind_of_item_as_the_schema_says() -> None:
    """Each answer is checked against the schema as it comes."""
    seen: list[dict[str, Any]] = []
    bridge = Bridge()

    def say(**instance: Any) -> list[dict[str, Any]]:
        seen.extend(bridge.say({**CLOCKS, **instance})["items"])
        return seen

    def feed(call: int, event: str, **members: Any) -> None:
        say(export="feed", call=call, event={"event": event, **members})

    say(**OPEN, settings={"base-url": "http://127.0.0.1", "timeline": True, "token": "x" * 9})
    say(**{**BEGIN, "options": {"log-level": "debug"}})
    feed(7, "response", exchange=1, status=200, headers=[["a", "\xe9"]])
    say(**{**BEGIN, "call": 8, "method": "POST", "body-length": 3, "options": {"retries": 0}})
    feed(8, "response", exchange=2, status=404, headers=[["content-type", "application/json"]])
    feed(8, "data", exchange=2, end="1", bytes='{"code":"no","details":{"a":[1]}}')
    say(**{**BEGIN, "call": 9, "options": {"stream": "events", "comments": True}})
    head = [["content-type", "text/event-stream"]]
    feed(9, "response", exchange=3, status=200, headers=head)
    content = ":c\n\nid:1\nretry:500\ndata:a\ndata:b\n\ndata:c\n\n"
    feed(9, "data", exchange=3, end="0", bytes=content)
    feed(9, "failure", exchange=3, **{"error-code": "connection-terminated", "detail": ""})
    say(**{**BEGIN, "call": 10})
    say(export="cancel", call=10)
    say(**{**OPEN, "session": 2}, settings={"base-url": "https://e", "token-provider": True})
    say(**{**BEGIN, "session": 2, "call": 11})
    feed(11, "no-credential", message="none")
    say(export="stats")
    say(export="close", session=1)
    # Only a component that blocks asks for the clocks: `wait`, which the bridge does not call.
    assert {item["kind"] for item in seen} == {*KINDS} - {"start"}
    (events,) = (item for item in seen if item["kind"] == "events")
    assert [message["id"] for message in events["messages"]] == ["", "1", "1"]
    problem = next(item for item in seen if item["kind"] == "error")["json"]["problem"]
    schemas.validator(schemas.read("problem")).validate(problem)
    assert problem["details"] == {"a": [1]}
