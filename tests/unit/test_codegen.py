"""``ron codegen``: what it refuses, where it looks, and that the same input gives the same text."""

from __future__ import annotations

import ast
import json
import os
import pty
import socket
import stat
import subprocess
import sys
import tempfile
from io import RawIOBase
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ron_app_sdk_py.cli.exit_codes import ExitCode
from ron_app_sdk_py.cli.root import ron

SCHEMA = {"title": "Note", "type": "object", "properties": {"id": {"type": "integer"}}}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(ron, ["codegen", *map(str, arguments)])


def saved(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, indent=2)
    path.write_text(text, "utf-8")
    return path


def refused(path: Path, *options: str | Path) -> str:
    """What is said of a file that is refused, after its name."""
    result = run(path, *options)
    assert result.exit_code == ExitCode.REFUSED, result.output
    assert result.stdout == ""
    return result.stderr.removeprefix(f"ron: {path.parent}/").removesuffix("\n")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("s.json", '{\n"a": ]}', "s.json:2: this is not JSON: Expecting value at column 6"),
        ("s.json", "a: 1", "s.json:1: this is not JSON: Expecting value at column 1"),
        ("s.json", "", "s.json:1: this is not JSON: Expecting value at column 1"),
        ("s.yaml", "a:\n  b: [", "s.yaml:2: this is not YAML: expected the node content"),
        ("s.yaml", "a: 1\nb: \x00", "s.yaml:2: this is not YAML: it has a control character"),
        ("s.yaml", "a: !!python/name:os.system ''", "s.yaml:1: this is not YAML: could not"),
        ("s.yaml", "? [a]\n: 1", "s.yaml:1: this is not YAML: found unhashable key"),
        ("s.yaml", "a: !!set {b}", "s.yaml: this holds a set, which JSON does not have"),
        ("s.yaml", "a: &a [*a]", "s.yaml: this nests too deep to be read, or holds itself"),
        ("s.json", "[" * 100_000, "s.json: this nests too deep to be read"),
        ("s.json", "[]", "s.json is no schema: it is a list; a JSON Schema or OpenAPI document"),
        ("s.yaml", "hello", "s.yaml is no schema: it is 'hello'; a JSON Schema or"),
        ("s.yaml", "", "s.yaml is no schema: it is null"),
        ("s.json", "true", "s.json is no schema: it is the boolean true"),
        ("s.json", "{}", "s.json is no schema: it is an object with the members none"),
        (
            "problem.json",
            '{"type": "urn:ron:x", "code": "x", "message": "m"}',
            "problem.json is no schema: it is an object with the members 'type', 'code', 'message'",
        ),
        ("s.json", '{"swagger": "2.0"}', "s.json:1: this is Swagger; convert it to OpenAPI 3"),
        ("s.json", '{"openapi": "4.0.0"}', "s.json:1: this is OpenAPI '4.0.0'; only OpenAPI 3 is"),
        ("s.yaml", "openapi: 3.1", "s.yaml:1: this is OpenAPI the number 3.1; only"),
        ("s.json", '{"asyncapi": "3.0.0"}', "s.json:1: this is AsyncAPI, which is not read"),
        (
            "s.json",
            '{"type": "object",\n"properties": {\n"a": {\n"type": "strng"}}}',
            "s.json:4: #/properties/a/type is 'strng'; types are array, boolean, integer, null",
        ),
        ("s.json", '{"properties": []}', "s.json:1: #/properties has to be an object of schemas"),
        (
            "s.yaml",
            "type: object\nproperties:\n  a: string",
            "s.yaml:3: #/properties/a is no schema: it is 'string'",
        ),
        ("s.json", '{"type": "object", "$ref": 3}', "s.json:1: #/$ref has to be a text"),
        (
            "s.json",
            '{"properties": {"a": {"$id": "b"}}}',
            "s.json:1: #/properties/a/$id names a schema within a schema",
        ),
        (
            "s.json",
            '{\n\t"type": "object",\n\t"additionalProperties": 3}',
            "s.json:3: #/additionalProperties is no schema: it is the number 3",
        ),
        ("s.json", '{"default": NaN}', "s.json: a value can't be read: NaN is no number of JSON"),
        ("s.json", '{"$ref": "#/$defs/x"}', "s.json:1: #/$defs/x leads nowhere: "),
        ("s.json", '{"$ref": "#x"}', "s.json:1: #x leads nowhere: "),
        ("s.json", '{"$ref": "#"}', "s.json: no models can be made of this"),
        ("s.json", '{"$ref": "t.json"}', "s.json:1: t.json can't be read: No such file"),
        ("s.json", '{"title": "1", "type": "object"}', "s.json: no models can be made"),
        (
            "s.yaml",
            "openapi: 3.0.3\npaths: {}",
            "s.yaml: no models can be made of this: it describes no object",
        ),
    ],
)
def test_what_is_no_schema_is_refused_with_file_line_and_what_it_is(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    message = refused(saved(tmp_path / name, text))
    assert message.startswith(says)
    assert "Traceback" not in message


def test_what_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(b'{\n\n"a": "\xff"}')
    assert refused(path) == "s.json:3: this is not UTF-8; save the file as UTF-8"


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(SCHEMA).encode())
    assert "class Note(RonModel):" in run(path).stdout


def test_aliases_that_repeat_themselves_do_not_fill_the_memory(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    message = refused(saved(tmp_path / "s.yaml", "\n".join(lines)))
    assert message.startswith("s.yaml: this has more than 1000000 values; split it, or look for")


def test_yaml_is_read_as_json_has_it(tmp_path: Path) -> None:
    text = "title: A\nenum: [no, 2020-01-01, 1:30, 012, 1_000]\n$defs: {1: {}, null: {}, yes: {}}"
    module = run(saved(tmp_path / "s.yaml", text)).stdout
    for value in ("no", "2020-01-01", "1:30", "012", "1_000"):
        assert f'"{value}"' in module


@pytest.mark.parametrize(
    "reference",
    [
        "https://schemas.example/note.json",
        "http://127.0.0.1:{port}/note.json",
        "//schemas.example/note.json",
        "urn:example:note",
        "http://[::1/note.json",
    ],
)
def test_nothing_is_fetched(tmp_path: Path, reference: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        reference = reference.format(port=server.getsockname()[1])
        path = saved(
            tmp_path / "s.json", {"type": "object", "properties": {"a": {"$ref": reference}}}
        )
        message = refused(path)
        assert message == (
            f"s.json:5: {reference} is remote, and nothing is fetched; save it beside s.json and "
            "refer to it by its name"
        )
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("link", [False, True])
def test_no_file_outside_of_the_folder_is_read_unless_it_is_asked_for(
    tmp_path: Path, link: bool
) -> None:
    outside = saved(tmp_path / "outside.json", SCHEMA)
    reference = "link.json" if link else "../outside.json"
    path = saved(
        tmp_path / "inside" / "s.json", {"title": "S", "properties": {"a": {"$ref": reference}}}
    )
    if link:
        (path.parent / "link.json").symlink_to(outside)
    assert refused(path) == (
        f"s.json:5: {reference} leads out of inside; allow a folder with --root"
    )
    result = run(path, "--root", tmp_path)
    assert result.exit_code == 0
    assert "a: Note | None = None" in result.stdout


def test_a_file_url_leads_to_no_other_folder(tmp_path: Path) -> None:
    path = saved(tmp_path / "s.json", {"$ref": "file:///etc/hostname"})
    assert "leads out of" in refused(path)


def test_references_to_other_files_become_one_module(tmp_path: Path) -> None:
    main = saved(
        tmp_path / "main.schema.json",
        {
            "$id": "https://schemas.example/v1/main.schema.json",
            "title": "Main",
            "properties": {
                "near": {"$ref": "note.json"},
                "by id": {"$ref": "https://schemas.example/v1/note.json"},
                "part": {"$ref": "sub/parts.yaml#/$defs/a~1b%20c"},
                "anchor": {"$ref": "sub/parts.yaml#part"},
                "self": {"$ref": "#"},
            },
        },
    )
    saved(tmp_path / "note.json", {**SCHEMA, "properties": {"back": {"$ref": "main.schema.json"}}})
    saved(
        tmp_path / "sub" / "parts.yaml",
        "$defs:\n"
        "  a/b c: {type: object, properties: {n: {$ref: '../note.json'}}}\n"
        "  p: {$anchor: part, type: object, properties: {x: {$ref: '#/$defs/a~1b%20c'}}}\n",
    )
    result = run(main)
    assert result.exit_code == 0, result.stderr
    for line in (
        "    near: Note | None = None",
        '    by_id: Annotated[Note | None, Field(alias="by id")] = None',
        "    back: Main | None = None",
        "    n: Note | None = None",
    ):
        assert line in result.stdout.splitlines()
    assert result.stdout.count("class Note(") == 1


def test_parts_of_an_openapi_document_may_be_in_other_files(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "api.yaml",
        "openapi: 3.1.0\n"
        "info: {title: T, version: '1'}\n"
        "paths:\n"
        "  /notes: {$ref: 'paths/notes.yaml'}\n"
        "components:\n"
        "  schemas:\n"
        "    Box: {type: object, properties: {note: {$ref: note.json}}}\n",
    )
    saved(
        tmp_path / "paths" / "notes.yaml",
        "get:\n"
        "  responses:\n"
        "    200:\n"
        "      description: all\n"
        "      content: {application/json: {schema: {type: array, items: {$ref: ../note.json}}}}\n",
    )
    saved(tmp_path / "note.json", SCHEMA)
    result = run(path)
    assert result.exit_code == 0, result.stderr
    assert "    note: Note | None = None" in result.stdout
    assert "class NotesGetResponse(RootModel[list[Note]]):" in result.stdout


def test_a_reference_of_a_part_to_itself_ends(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "api.yaml",
        "openapi: 3.1.0\npaths: {/a: {$ref: a.yaml}}\ncomponents: {schemas: {A: {type: object}}}",
    )
    saved(tmp_path / "a.yaml", "$ref: a.yaml")
    assert refused(path).startswith("a.yaml:1: a.yaml leads to itself")


def test_the_same_input_gives_the_same_bytes_wherever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = set()
    for folder, config in (("a", "[tool.black]\nline-length = 40\n"), ("b/c", "")):
        path = saved(tmp_path / folder / "s.json", {**SCHEMA, "description": "word " * 40})
        saved(tmp_path / folder / "pyproject.toml", config)
        monkeypatch.chdir(path.parent)
        assert run("s.json", "-o", "models.py").exit_code == 0
        assert run(path).stdout == (path.parent / "models.py").read_text()
        texts.add((path.parent / "models.py").read_bytes())
    (text,) = texts
    assert str(tmp_path).encode() not in text
    assert b"20" not in text  # a date would have it


def test_a_file_that_is_there_is_not_overwritten_unless_that_is_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path / "s.json", SCHEMA)
    target = saved(tmp_path / "models.py", "mine")
    target.chmod(0o640)
    result = run(path, "-o", target)
    assert result.exit_code == ExitCode.REFUSED
    assert result.stderr == (
        f"ron: {target} exists; give --force to overwrite it, or another name\n"
    )
    assert target.read_text() == "mine"
    assert run(path, "-o", target, "--force").exit_code == 0
    assert "class Note" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert run(path, "-o", tmp_path).exit_code == ExitCode.REFUSED
    assert "-o names SCHEMA itself" in run(path, "-o", path, "--force").stderr
    assert json.loads(path.read_text()) == SCHEMA


def test_nothing_is_written_if_the_schema_is_no_good(tmp_path: Path) -> None:
    path = saved(tmp_path / "s.json", {"type": "object", "$ref": "#/x"})
    target = saved(tmp_path / "models.py", "mine")
    assert run(path, "-o", target, "--force").exit_code == ExitCode.REFUSED
    assert target.read_text() == "mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["models.py", "s.json"]


@pytest.mark.parametrize("before", [None, "mine"])
def test_what_can_not_be_written_whole_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    path = saved(tmp_path / "s.json", SCHEMA)
    target = tmp_path / "models.py"
    if before is not None:
        target.write_text(before)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(os, "link", full)
    assert run(path, "-o", target, "--force").exit_code == ExitCode.REFUSED
    assert (target.read_text() if target.exists() else None) == before
    assert {file.name for file in tmp_path.iterdir()} <= {"models.py", "s.json"}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run(tmp_path / "none.json")
    assert result.exit_code == ExitCode.REFUSED
    assert result.stderr == f"ron: {tmp_path / 'none.json'}: No such file or directory\n"


@pytest.mark.parametrize("module", ["datamodel_code_generator", "yaml"])
def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    for name in [*sys.modules]:
        if name.startswith("ron_app_sdk_py.codegen"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    result = run(saved(tmp_path / "s.json", SCHEMA))
    assert result.exit_code == ExitCode.REFUSED
    assert result.stderr == (
        f"ron: ron codegen needs {module}; install it with pip install 'ron-app-sdk-py[codegen]'\n"
    )


def test_as_json_the_result_is_one_document(tmp_path: Path) -> None:
    path = saved(tmp_path / "s.json", SCHEMA)
    target = tmp_path / "models.py"
    assert json.loads(run(path, "--json").stdout)["text"].endswith("= None\n")
    assert json.loads(run(path, "--json", "-o", target).stdout) == {"file": str(target)}


def test_no_progress_is_shown_in_pipes(tmp_path: Path) -> None:
    result = run(saved(tmp_path / "s.json", SCHEMA), "-o", tmp_path / "models.py")
    assert (result.stdout, result.stderr) == (f"wrote {tmp_path / 'models.py'}\n", "")


def test_progress_is_shown_on_a_terminal_and_kept_out_of_the_result(tmp_path: Path) -> None:
    path = saved(tmp_path / "s\x1b[2J.json", SCHEMA)
    terminal, theirs = pty.openpty()
    with open(terminal, "rb", buffering=0) as shown:
        done = subprocess.run(
            [sys.executable, "-c", "from ron_app_sdk_py.cli import main; main()", "codegen", path],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm"},
            timeout=120,
        )
        os.close(theirs)
        text = b"".join(iter(lambda: _read(shown), b""))
    assert done.returncode == 0, text
    assert b"Making models of s\\x1b[2J.json" in text
    assert b"\x1b[2J" not in text
    assert done.stdout.decode() == run(path).stdout


def _read(terminal: RawIOBase) -> bytes:
    try:
        return terminal.read(4096) or b""
    except OSError:  # how Linux tells of the end
        return b""


def test_a_file_whose_name_is_no_name_has_a_model_too(tmp_path: Path) -> None:
    schema = {name: value for name, value in SCHEMA.items() if name != "title"}
    assert "class Model2026(RonModel):" in run(saved(tmp_path / "2026.json", schema)).stdout
    assert "class BigNote(RonModel):" in run(saved(tmp_path / "big-note.json", schema)).stdout


def test_what_discriminates_may_be_in_other_files(tmp_path: Path) -> None:
    mapping = {"cat": "cat.json", "dog": "#/components/schemas/Dog", "cow": "Cow"}
    animal = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
    places = ("cat.json", "#/components/schemas/Dog", "#/components/schemas/Cow")
    box = {
        "oneOf": [{"$ref": place} for place in places],
        "discriminator": {"propertyName": "kind", "mapping": mapping},
    }
    schemas = {"Dog": animal, "Cow": animal, "Box": {"type": "object", "properties": {"a": box}}}
    document = {"openapi": "3.1.0", "components": {"schemas": schemas}}
    path = saved(tmp_path / "api.json", document)
    saved(tmp_path / "cat.json", {**animal, "title": "Cat"})
    result = run(path)
    assert result.exit_code == 0, result.stderr
    assert 'discriminator="kind"' in result.stdout
    for kind in mapping:
        assert f'kind: Literal["{kind}"]' in result.stdout
    mapping["cat"] = "https://schemas.example/cat.json"
    assert "is remote, and nothing is fetched" in refused(saved(path, document))


HOSTILE = st.text(st.sampled_from("ab\"'\\\n\r{}#$/~%\u2028\0é "), max_size=12) | st.sampled_from(
    [
        *('"""\nimport os\n"""', "'''", "\\", '\\"', "\\N{DEGREE SIGN}", "\ufeff", "f'{1}'"),
        *(
            "os.system",
            "__import__('os')",
            "]; import os #",
            ")\nimport os\n(",
            "class",
            "__init__",
        ),
    ]
)
MODULES = {
    *("__future__", "datetime", "enum", "pydantic", "ron_app_sdk_py.types", "typing", "uuid")
}


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(HOSTILE, min_size=9, max_size=9))
def test_no_text_of_a_schema_becomes_code(texts: list[str]) -> None:
    title, description, name, member, default, pattern, const, place, field = texts
    theirs = {
        **dict.fromkeys(("customTypePath", "customBasePath", "x-python-type"), place),
        "x-python-import": {"module": "os", "name": "system"},
        "default_factory": place,
    }
    schema = {
        "title": title,
        "description": description,
        "type": "object",
        "properties": {
            field: {"type": "string", "description": description, "default": default, **theirs},
            "p": {"type": "string", "pattern": pattern},
            "c": {"const": const},
            "e": {"type": "string", "enum": [member, default]},
            "r": {"$ref": f"#/$defs/{escaped(name)}"},
        },
        "$defs": {name: {"type": "object", "description": description, **theirs}},
        **theirs,
    }
    with tempfile.TemporaryDirectory() as folder:
        result = run(saved(Path(folder) / "s.json", schema))
    if result.exit_code == ExitCode.REFUSED:
        assert "no models can be made of this" in result.stderr
        return
    assert result.exit_code == 0, result.output
    tree = ast.parse(result.stdout)
    for statement in tree.body:
        match statement:
            case ast.ImportFrom(module=module):
                assert module in MODULES
            case ast.ClassDef():
                assert all(map(is_plain, statement.body)), ast.unparse(statement)
            case _:
                assert ast.unparse(statement).endswith(".model_rebuild()")
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert {name for name in called if "." not in name} <= {"Field", "ConfigDict"}


def is_plain(statement: ast.stmt) -> bool:
    """Whether it is a field, a member or a docstring."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.AnnAssign | ast.Assign | ast.Pass)


def escaped(name: str) -> str:
    return name.replace("%", "%25").replace("~", "~0").replace("/", "~1")
