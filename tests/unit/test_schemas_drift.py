"""A schema that is not what the types say is noticed, by file and field."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import schemas
from servers import ROOT

pytestmark = pytest.mark.checkout

CHECK = ("cargo", "run", "--quiet", "--locked", "-p", "ron-schemas", "--", "--check")


def check(folder: Path) -> tuple[int, str]:
    """What `make lint` does: the exit code and what is printed."""
    done = subprocess.run(
        [*CHECK, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(schemas.FOLDER, tmp_path / "schemas"))


def test_the_schemas_are_those_of_the_types() -> None:
    assert check(schemas.FOLDER) == (0, f"{len(schemas.NAMES)} schemas are those of the types\n")


def test_lint_runs_the_check() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lint = makefile[makefile.index("\nlint:") : makefile.index("\nbench:")]
    assert "$(CARGO_SCHEMAS) --check" in lint
    assert " ".join(CHECK[:-1]).removesuffix(" --") in makefile


def test_a_changed_a_lost_and_an_added_field_are_named_with_both_values(copy: Path) -> None:
    path = copy / "problem.schema.json"
    schema = json.loads(path.read_text("utf-8"))
    schema["properties"]["status"]["maximum"] = 599
    del schema["properties"]["reason"]
    schema["properties"]["sub/type~"] = {"type": "string"}
    path.write_text(json.dumps(schema, indent=2) + "\n", "utf-8")
    code, shown = check(copy)
    assert code == 1
    assert f"{path}#/properties/status/maximum: - 599  + 999\n" in shown
    assert f"{path}#/properties/reason: + " in shown
    assert f'{path}#/properties/sub~1type~0: - {{"type":"string"}}\n' in shown
    assert "make schemas" in shown


def test_another_layout_is_a_difference_too(copy: Path) -> None:
    path = copy / "event.schema.json"
    path.write_text(path.read_text("utf-8").rstrip(), "utf-8")
    code, shown = check(copy)
    assert (code, f"{path}: says the same in another order or layout\n" in shown) == (1, True)


def test_what_is_no_json_is_named_with_the_line(copy: Path) -> None:
    path = copy / "event.schema.json"
    path.write_text("{\n  oops", "utf-8")
    code, shown = check(copy)
    assert code == 1
    assert f"{path}: is no JSON: " in shown
    assert "line 2" in shown


def test_a_missing_and_a_superfluous_file_are_named(copy: Path) -> None:
    (copy / "page.schema.json").unlink()
    (copy / "old.schema.json").write_text("{}")
    code, shown = check(copy)
    assert code == 1
    assert f"{copy / 'page.schema.json'}: is missing\n" in shown
    assert f"{copy / 'old.schema.json'}: is superfluous\n" in shown


def test_what_is_written_anew_passes_the_check(tmp_path: Path) -> None:
    (tmp_path / "old.schema.json").write_text("{}")
    subprocess.run(
        [*CHECK[:-1], str(tmp_path)], cwd=ROOT, check=True, capture_output=True, timeout=600
    )
    assert check(tmp_path)[0] == 0
    written = sorted(path.name.removesuffix(schemas.SUFFIX) for path in tmp_path.iterdir())
    assert written == schemas.NAMES
