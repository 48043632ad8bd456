"""The component opens every configuration that the schema allows, and no other."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from ron_app_sdk_py import (
    ClientConfig,
    RonClientSync,
    RonConfigError,
    RonSecurityWarning,
    Secret,
)
from ron_app_sdk_py.config import _SETTINGS
from shared_vectors import read as read_vectors

SCHEMA = schemas.read("client-configuration")
ORIGINS = read_vectors("origins.json")
PARTS = ("connect_timeout", "read_timeout", "write_timeout")


def opened(config: ClientConfig) -> None:
    """Opens a session in the component.

    Raises:
        RonConfigError: it refuses.
    """
    with warnings.catch_warnings():
        # Of short tokens.
        warnings.simplefilter("ignore", RonSecurityWarning)
        RonClientSync(config=config).close()


def longest_part(instance: dict[str, Any]) -> float:
    """The longest time-out that is given, in overall ones: the schema can't say that it is not
    above 1."""
    overall = instance.get("timeout") or SCHEMA["properties"]["timeout"]["default"]
    return float(max((instance.get(part) or 0) / overall for part in PARTS))


def shown(value: Any) -> Any:
    """A value of a configuration as the schema has it."""
    return value.get_secret_value() if isinstance(value, Secret) else value


BASE_URLS = st.sampled_from([case["base_url"] for case in ORIGINS["accepted"]])
"""Which hosts there may be, patterns don't tell."""

TIMES = st.floats(1e-9, 1e9)
"""Times that the clock of the component can hold: to it, none beyond is longer than another."""


@st.composite
def allowed(draw: st.DrawFn) -> dict[str, Any]:
    instance: dict[str, Any] = draw(schemas.instances(SCHEMA))
    instance |= {name: draw(TIMES) for name in ("timeout", *PARTS) if instance.get(name)}
    return {**instance, "base_url": draw(BASE_URLS), "allow_insecure_http": draw(st.just(True))}


def test_the_schema_has_the_settings_that_the_component_takes() -> None:
    # A function is nothing that JSON could hold.
    settings = {field for field, (name, _) in _SETTINGS.items() if name} - {"token_provider"}
    assert {*SCHEMA["properties"]} == settings


@settings(deadline=None)
@given(allowed().filter(lambda instance: longest_part(instance) <= 1))
def test_what_the_schema_allows_is_opened(instance: dict[str, Any]) -> None:
    schemas.validator(SCHEMA).validate(instance)
    config = ClientConfig(**json.loads(json.dumps(instance)))
    assert {name: shown(getattr(config, name)) for name in instance} == instance
    opened(config)


@settings(deadline=None, max_examples=30)
@given(allowed().filter(lambda instance: longest_part(instance) > 1.5))
def test_a_time_out_longer_than_the_overall_one_is_refused_by_name(
    instance: dict[str, Any],
) -> None:
    with pytest.raises(RonConfigError) as caught:
        opened(ClientConfig(**instance))
    named = [part for part in PARTS if part.partition("_")[0] in caught.value.message]
    assert named


TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=20)


@settings(deadline=None)
@given(
    st.builds(
        ClientConfig,
        base_url=BASE_URLS,
        allow_insecure_http=st.just(True),
        token=st.none() | TOKENS,
        timeout=st.none() | TIMES,
        retries=st.none() | st.integers(0, 100),
        backoff=st.sampled_from([None, "exponential", "linear"]),
        max_concurrency=st.none() | st.integers(1, 2**32 - 1),
        max_queue=st.none() | st.integers(0, 2**32 - 1),
        max_request_bytes=st.none() | st.integers(1, 2**32 - 1),
        user_agent=st.none() | TOKENS,
    )
)
def test_a_configuration_of_the_model_is_one_of_the_schema(config: ClientConfig) -> None:
    opened(config)
    values = {name: shown(getattr(config, name)) for name in SCHEMA["properties"]}
    schemas.validator(SCHEMA).validate(values)


BROKEN: dict[str, list[Any]] = {
    "base_url": [
        None,
        3,
        "",
        "e",
        "ftp://e",
        "https://",
        "https://a@e",
        "https://e?q",
        "https://e#f",
    ],
    "allow_insecure_http": ["yes", 1],
    "token": [3, "", "a b", "a\n", "\x7f", "é"],
    "macaroon": [3, "", "a b", "a\n", "\x7f", "é"],
    "passport": [3, "", " a", "a\n", "\x7f", "é"],
    "user_agent": [3, "a\r\nb", " a", "a ", "é"],
    **{part: ["1", 0, -1, True] for part in ("timeout", *PARTS)},
    "max_concurrency": ["1", 0, 2**32, 1.5],
    "max_queue": ["1", -1, 2**32],
    "max_request_bytes": ["1", 0, 2**32],
    "retries": ["1", -1, 101],
    "backoff": [3, "", "quadratic"],
}


def test_each_setting_is_tried_with_wrong_values() -> None:
    assert BROKEN.keys() == SCHEMA["properties"].keys()


@pytest.mark.parametrize(
    ("name", "wrong"), [(name, wrong) for name, values in BROKEN.items() for wrong in values]
)
def test_what_breaks_one_bound_is_refused_by_both_by_its_name(name: str, wrong: Any) -> None:
    instance = {"base_url": "https://e", name: wrong}
    errors = [*schemas.validator(SCHEMA).iter_errors(instance)]
    assert [[*error.absolute_path] for error in errors] == [[name]]
    if wrong is None:
        # The component has no default for it; Python has one, which it takes for None.
        return
    with pytest.raises(RonConfigError) as caught:
        opened(ClientConfig(**instance))
    assert (
        re.search(name.replace("_", "[_ ]"), caught.value.message) or name in caught.value.message
    )


def test_an_unknown_setting_and_a_missing_base_url_are_refused() -> None:
    validator = schemas.validator(SCHEMA)
    (error,) = validator.iter_errors({"base_url": "https://e", "retires": 1})
    assert "retires" in error.message
    (error,) = validator.iter_errors({})
    assert "base_url" in error.message
    wrong: Any = {"retires": 1}
    with pytest.raises(TypeError, match="retires"):
        ClientConfig(**wrong)


def test_every_base_url_that_is_accepted_matches_the_pattern() -> None:
    urls = [case["base_url"] for case in ORIGINS["accepted"]] + ORIGINS["insecure"]
    for url in urls:
        schemas.validator(SCHEMA).validate({"base_url": url})


NO_DEFAULT = {"base_url", "token", "macaroon", "passport", "user_agent"}


def test_defaults_are_those_that_are_in_force() -> None:
    defaults = {
        name: schema["default"]
        for name, schema in SCHEMA["properties"].items()
        if "default" in schema
    }
    assert defaults.keys() == SCHEMA["properties"].keys() - NO_DEFAULT
    opened(ClientConfig(base_url="https://e", **defaults))
