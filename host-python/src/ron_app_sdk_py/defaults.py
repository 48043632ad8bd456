"""Every number that the Python side decides by itself.

``docs/defaults.md`` lists them; a test holds that table to these constants. What the component
decides stands in ``component/core/src/defaults.rs``.
"""

from __future__ import annotations

from typing import Final

OVERALL_TIMEOUT: Final = 10.0
"""How long a call may take, in seconds: the component's number."""

WRITE_TIMEOUT: Final = 5.0
"""How long the server may take no bytes, in seconds."""

MAX_RESPONSE_BYTES: Final = 16 * 1024 * 1024
"""Largest content of a successful answer, in bytes."""

MAX_RESPONSE_HEADER_BYTES: Final = 64 * 1024
"""Largest response header section, and largest line of it, in bytes."""

MAX_RESPONSE_HEADER_FIELDS: Final = 256
"""Most fields of a response header section."""

MAX_REQUEST_HEAD_BYTES: Final = 256 * 1024
"""What the component is given of a request, in bytes: twice what it accepts. It refuses the rest of
that with more to say, but its fuel has an end."""

MAX_REQUEST_HEADER_BYTES: Final = 64 * 1024
"""Largest request header section with what middleware adds, in bytes: the component's number."""

PATH_DECODE_ROUNDS: Final = 3
"""How often a path may be percent-encoded over: the component's number."""

MAX_SETTING_CHARACTERS: Final = 32 * 1024
"""Longest text in a configuration: with the credential, other headers must fit in 64 KiB."""

GUEST_FUEL: Final = 3_200_000_000
"""Fuel for one crossing into the component: three times what the dearest one takes."""

GUEST_MEMORY_BYTES: Final = 64 * 1024 * 1024
"""Largest size of each of the component's memories, in bytes."""

GUEST_MEMORIES: Final = 3
"""Memories of the component, so that it has at most that many times :data:`GUEST_MEMORY_BYTES`."""

GUEST_MEMORY_RESERVATION_BYTES: Final = 4 * 1024 * 1024
"""Address space reserved for each memory at first, in bytes."""

GUEST_STACK_BYTES: Final = 64 * 1024
"""What the component takes of the calling thread's stack, in bytes."""

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Longest answer of the component: twice what all streams together may hand over."""

MAX_ANSWER_FIELDS: Final = 1_000_000
"""Most fields in it: each of the component's calls may be given a timeline at once."""

MAX_WAITING_BYTES: Final = 128 * 1024 * 1024
"""What the component may hand to a call that takes nothing: more than one answer can hold, each
text counted with what Python keeps of it."""

GUEST_INSTANCES: Final = 16
"""Instances of core modules in the component."""

GUEST_TABLES: Final = 16
"""Tables in the component."""

GUEST_TABLE_ELEMENTS: Final = 20_000
"""Largest size of each of those, in elements."""

MAX_MANIFEST_BYTES: Final = 64 * 1024
"""Longest text of a facet manifest, in bytes. As JSON, which the component is given, it may take
four times that."""

MAX_LINE_SEARCH_BYTES: Final = 4 * 1024 * 1024
"""What is read of a facet manifest, again and again, to tell the lines of findings, in bytes."""

MAX_RETRIES: Final = 100
"""Most attempts after the first that may be asked for: the component's number."""

MAX_NESTED_ESCAPES: Final = 8
"""Escapes that may stand in each other where a secret is looked for: the component's number."""

MAX_SUSPECT_PLACES: Final = 10_000
"""Places of a text, or of all texts of an error, that may be a secret and are looked at."""

MAX_LOGGED_BODY_CHARACTERS: Final = 4096
"""What is logged of a body at most."""

LARGEST_EVENT_BYTES: Final = 15 * 1024 * 1024
"""Most bytes that a line or an event of a stream may be allowed: the component's number."""

STREAM_QUEUE: Final = 256
"""Events that wait for a slow consumer of a stream which is read all the same."""

RETRY_BUDGET: Final = 500
"""Tokens for retries, of a client that has not made a call."""

BUSY_LOOP_CALLS: Final = 20
"""Calls of a task or thread that fail in a row, each begun right after the one before, until a
warning."""

BUSY_LOOP_SECONDS: Final = 0.01
"""How soon after a failure is right after it."""

KEEPALIVE_SECONDS: Final = 15.0
"""How long an idle connection is kept."""

PROBE_AFTER_SECONDS: Final = 2
"""After how much silence a server is asked for a sign of life: the system's TCP keep-alive."""

PROBE_EVERY_SECONDS: Final = 1
"""How long until it is asked again."""

PROBE_COUNT: Final = 3
"""Probes without an answer that end a connection."""

ACKNOWLEDGE_SHARE: Final = 3
"""What was sent must be acknowledged within the call's time divided by this: it may then be sent
once more."""

MIN_ACKNOWLEDGE_SECONDS: Final = 1.0
"""But a network may lose a packet, or be slow."""

BACKSTOP_SECONDS: Final = 0.25
"""How long after its deadline a call is ended from this side, if the component has not done it."""

TICKS_PER_SECOND: Final = 1000
"""How many ticks an event loop gives the component, and how many more at once after a rest."""

MAX_LOOKUPS: Final = 8
"""Names that are looked up at once, each on a thread of its own, per event loop."""

LOOKUP_SHARED_SECONDS: Final = 5.0
"""A lookup that takes longer is not waited for alone: another of the same name is begun."""

MAX_PROVIDER_THREADS: Final = 8
"""Runs of a plain token provider that may hang before it is not called any more, per client."""

PROVIDER_SHARED_SECONDS: Final = 5.0
"""A run of a plain token provider that takes longer is not waited for alone: another is begun."""

RECENT_CREDENTIALS: Final = 8
"""Tokens of a provider that are still taken out of texts."""

MAX_HELPER_THREADS: Final = 64
"""Threads that work for synchronous calls made inside running event loops, per client."""

MAX_PAGES: Final = 10_000
"""Pages that are gone through in one go."""

MAX_MODELS: Final = 128
"""Types for which what reads them is kept, because to make it takes milliseconds."""

MAX_MODEL_FAULTS: Final = 10_000
"""Faults of an answer of which some are named; of more, only the number is, since to look at them
all takes memory without end."""

MAX_KV_BYTES: Final = 1024 * 1024
"""Largest content that the key-value store of a micronode takes, in bytes."""

PROFILE_WAIT_SECONDS: Final = 5.0
"""How long a write waits for the node to say whether it forgets, if nobody knows yet."""

MAX_SCHEMA_NODES: Final = 1_000_000
"""Values in a schema file that models are made of, its YAML aliases written out."""

WRITE_PIECE_BYTES: Final = 64 * 1024
"""What is written of a request body at once, in bytes."""

WRITE_TURN_BYTES: Final = 256 * 1024
"""What is written of a request body before other tasks of the event loop get a turn, in bytes."""

SIMULATION_SECONDS: Final = 86_400.0
"""Virtual time that one run of a simulation may take, in seconds."""

SIMULATION_MAX_TURNS: Final = 1_000_000
"""Turns of a simulation's event loop without time passing."""

MAX_REQUEST_BYTES: Final = 1024 * 1024
"""What ``ron`` reads of a request body before the component is asked, in bytes."""

DOCTOR_SECONDS: Final = 5.0
"""What each check of ``ron doctor`` may take."""

PROGRESS_AFTER_SECONDS: Final = 1.0
"""How long something takes before ``ron`` shows its progress, in seconds."""

CAPABILITY_SKEW_SECONDS: Final = 60
"""How far the clocks of those who verify capabilities may differ: ron-auth's number."""
