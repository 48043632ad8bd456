"""What ``subscribe`` takes, and what events are."""

from __future__ import annotations

import math
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ron_app_sdk_py import Event, RonClient, RonClientSync, RonParseError, RonRequestError
from ron_app_sdk_py.calls.progress import Progress
from ron_app_sdk_py.reception import arguments

NO_SECONDS = (0, -1, math.nan, math.inf, -math.inf, "1", True, [1])
NO_COUNTS = (0, -1, 1.0, 2**32, 10**100, "1", True, math.nan)
REFUSED = [
    *(("timeout", value) for value in NO_SECONDS),
    *(("idle_timeout", value) for value in NO_SECONDS),
    *(("reconnect_timeout", value) for value in NO_SECONDS),
    *(("max_duration", value) for value in NO_SECONDS),
    *(("reconnect_delay", value) for value in NO_SECONDS),
    *(("max_events", value) for value in NO_COUNTS),
    *(("max_line_bytes", value) for value in NO_COUNTS),
    *(("max_event_bytes", value) for value in NO_COUNTS),
    *(("max_queue", value) for value in (*NO_COUNTS, None)),
    *(("max_reconnects", value) for value in NO_COUNTS if value),
    *(("reconnect", value) for value in (None, 0, "false")),
    *(("drop_heartbeats", value) for value in (None, 1, "true")),
    *(("last_event_id", value) for value in (1, b"x", "a\0", "a\nb", "\r", "\ud800")),
    *(("overflow", value) for value in (None, 1, "drop", "Wait", "x" * 1000)),
    *(("on_callback_error", value) for value in (None, True, "ignore")),
    *((name, value) for name in ("on_comment", "on_error") for value in (1, "f", object())),
    ("callback", 1),
    ("callback", "f"),
]


@pytest.mark.parametrize("client", [RonClient, RonClientSync])
@pytest.mark.parametrize(("name", "value"), REFUSED, ids=lambda value: ascii(value)[:20])
def test_an_argument_that_is_no_good_is_named_at_once(client: type, name: str, value: Any) -> None:
    given = client("http://127.0.0.1:1")
    for subscribe in (given.subscribe, given.node.subscribe):
        with pytest.raises(RonRequestError) as caught:
            # The time-out is checked when the request is sent, since middleware may set it.
            subscribe("/x", **{name: value})._reception.request.begin()
        assert caught.value.message.startswith(name)
        assert caught.value.code in (f"invalid_{name}", "invalid_timeout")
        assert len(caught.value.message) < 300


def test_an_unknown_argument_is_refused_as_python_does() -> None:
    unknown: Any = {"retries": 1}
    with pytest.raises(TypeError, match="retries"):
        RonClient("http://127.0.0.1:1").subscribe("/x", **unknown)


@pytest.mark.parametrize("name", ["on_comment", "on_error"])
def test_who_is_told_in_order_can_t_be_waited_for(name: str) -> None:
    async def later(_: object) -> None:
        raise AssertionError

    with pytest.raises(RonRequestError, match=f"{name} is async"):
        # A key of the TypedDict that is a parameter of the test.
        arguments("/x", None, {name: later})  # type: ignore[misc]


def options(**given: Any) -> dict[str, str]:
    # Good and bad options alike.
    request, _ = arguments("/x", None, given)  # type: ignore[arg-type]
    return dict(request.begin().options)


def test_only_what_was_given_is_passed_on() -> None:
    assert options() == {"stream": "events"}
    assert options(
        timeout=1,
        idle_timeout=None,
        reconnect=False,
        reconnect_delay=0.5,
        max_reconnects=0,
        reconnect_timeout=None,
        max_duration=1e300,
        max_events=3,
        max_line_bytes=4,
        max_event_bytes=5,
        last_event_id="é",
        drop_heartbeats=True,
        on_comment=print,
        on_error=print,
        idem="key",
    ) == {
        "stream": "events",
        "timeout": "1000000000",
        "idempotency-key": "key",
        "idle-timeout": "0",
        "reconnect-timeout": "0",
        "reconnect": "false",
        "reconnect-delay": "500000000",
        "max-reconnects": "0",
        "max-duration": str(2**63),
        "max-events": "3",
        "max-line-bytes": "4",
        "max-event-bytes": "5",
        "drop-heartbeats": "true",
        "comments": "true",
        "last-event-id": "é",
    }
    assert options(idle_timeout=60.0, last_event_id="")["idle-timeout"] == "60000000000"
    assert "last-event-id" not in options(last_event_id="")


def test_events_are_values_that_pickle_and_do_not_show_their_data() -> None:
    event = Event("commit", "secret data", "17", 250, 1_700_000_000_123_456_789)
    assert event == Event("commit", "secret data", "17", 250)
    assert hash(event) == hash(Event("commit", "secret data", "17", 250))
    for other in (
        Event("x", "secret data", "17", 250),
        Event("commit", "x", "17", 250),
        Event("commit", "secret data", "x", 250),
        Event("commit", "secret data", "17"),
        ("commit", "secret data", "17", 250),
    ):
        assert event != other
    assert repr(event) == "Event('commit', 11 characters, id='17')"
    copy = pickle.loads(pickle.dumps(event))
    assert (copy, copy.received) == (event, event.received)
    whole = datetime.fromtimestamp(1_700_000_000, UTC)
    assert event.received == whole + timedelta(microseconds=123_456)


def test_the_data_of_an_event_may_be_json() -> None:
    assert Event("message", '{"a": [1, null]}').json() == {"a": [1, None]}
    for data in ("", "x", "NaN", "[" * 200_000, "1" * 5_000):
        with pytest.raises(RonParseError, match="characters of an event") as caught:
            Event("message", data).json()
        assert caught.value.code == "invalid_json"
        assert len(caught.value.message) < 300


def test_a_queue_drops_the_oldest_of_what_comes_together_and_before() -> None:
    progress = Progress("start", max_queue=3)
    events = [Event("message", str(number), str(number)) for number in range(8)]
    progress.arrived("1", [*events[:2]])
    progress.arrived("3", ["comment", events[3]])
    assert [*progress.ready] == [events[1], "comment", events[3]]
    assert (progress.dropped, progress.last_event_id) == (1, "start")
    progress.arrived("7", [*events[4:]])
    assert [*progress.ready] == events[5:]
    assert progress.dropped == 5


def test_a_closed_subscription_keeps_the_last_event_id_of_what_was_taken() -> None:
    progress = Progress("start")
    first, second = Event("message", "1", "1"), Event("message", "2", "2")
    progress.arrived("after", [first, second])
    progress.taken = first
    progress.ready.popleft()
    progress.close()
    progress.arrived("later", [second])
    assert (progress.last_event_id, [*progress.ready]) == ("1", [])
