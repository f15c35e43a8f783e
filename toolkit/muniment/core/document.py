"""Documents that people edit (YAML 1.2 core schema) and the JSON Schemas that hold them, with line and column."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import yaml

from muniment.core.errors import Malformed
from muniment.core.resources import resource_root

Path_ = tuple[str | int, ...]
TOLD = 12


@dataclass(frozen=True, slots=True)
class Source:
    """A document's text and the name that errors give it."""

    name: str
    text: bytes


class Misplaced(Malformed):
    """What is wrong at one place of a document: `path` leads there by keys and numbers."""

    def __init__(self, path: Path_, fact: str, remedy: str = "") -> None:
        super().__init__(fact, remedy)
        self.path = path


@contextlib.contextmanager
def placed(*path: str | int) -> Iterator[None]:
    """Within it what is malformed is so at a place of a document."""
    try:
        yield
    except Misplaced:
        raise
    except Malformed as error:
        raise Misplaced(path, error.fact, error.remedy) from error


def located(error: Misplaced, text: bytes, what: str) -> Malformed:
    """The error with line and column of its place in the document's text."""
    line, column = _position(text, error.path)
    return Malformed(f"{what}, line {line}, column {column}: {error.fact}", error.remedy)


class _Loader(yaml.SafeLoader):
    """SafeLoader without YAML 1.1's surprises: `on`, `yes` and dates stay text; a repeated key is an error."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own attribute

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in seen:
                problem = "is repeated" if isinstance(key, str) else "is not text"
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} {problem}", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789."),
    ("null", r"~|null|Null|NULL|", "~nN"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), [*_first, *([""] if _tag == "null" else [])]
    )


def parse_yaml(text: bytes, what: str) -> Any:
    """The value of one YAML document. Raises `Malformed` with line and column."""
    try:
        return yaml.load(text.decode("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Malformed(f"{what} is not YAML: {error.problem}{where}.", "Correct the file.") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise Malformed(f"{what} is not YAML: {reason}.", "Correct the file.") from error


def load_document(text: bytes, schema: str, what: str) -> Any:
    """The value of a YAML (or JSON) text that holds to `schemas/<schema>.json`.

    Raises `Malformed` that names the places that do not, the first with line and column.
    """
    value = parse_yaml(text, what)
    if value is None:
        raise Malformed(f"{what} is empty.", f"schemas/{schema}.json says what it holds.")
    errors = schema_errors(value, schema)
    if errors:
        line, column = _position(text, errors[0][0])
        told = "; ".join(f"{'/'.join(map(str, path)) or 'the document'}: {message}" for path, message in errors[:TOLD])
        more = f"; and {len(errors) - TOLD} more" if len(errors) > TOLD else ""
        remedy = f"Correct it there; schemas/{schema}.json says what it holds."
        raise Malformed(f"{what}, line {line}, column {column}: {told}{more}.", remedy)
    return value


def check_schema(value: Any, schema: str, what: str) -> None:
    """Raises `Malformed` unless the value holds to `schemas/<schema>.json`; it looks no further than what is wrong."""
    for path, message in _errors(value, schema, 1):
        where = "/".join(str(step) for step in path) or "the top"
        raise Malformed(f"{what} does not hold to the schema {schema}: {where}: {message}.", "Correct that field.")


def schema_errors(value: Any, schema: str) -> list[tuple[Path_, str]]:
    """Where a value breaks `schemas/<schema>.json` (2020-12): paths and messages in document order, at most 100."""
    return _errors(value, schema, 100)


def _errors(value: Any, schema: str, most: int) -> list[tuple[Path_, str]]:
    """So many and no more: an error weighs kilobytes, and strangers may send millions of them."""
    found = islice(_validator(schema).iter_errors(value), most)
    errors = sorted(found, key=lambda e: [str(step) for step in e.absolute_path])
    return [(tuple(e.absolute_path), _short(_message(e))) for e in errors]


@cache
def _validator(schema: str) -> Any:
    text = (resource_root("schemas") / f"{schema}.json").read_text("utf-8")
    return validator_of(json.loads(text))


def validator_of(schema: Mapping[str, Any]) -> Any:
    """What tells, by `iter_errors`, where values break a schema (2020-12); it looks at no `format`."""
    return _kind()(dict(schema))


@cache
def _kind() -> Any:
    import jsonschema

    kind = jsonschema.Draft202012Validator
    return jsonschema.validators.extend(kind, {"pattern": _fits, "uniqueItems": _differ})  # type: ignore[no-untyped-call]


def _fits(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    """`pattern` as JSON Schema means it: in Python `$` also stands before a line break at the end."""
    from jsonschema import ValidationError

    if isinstance(value, str) and not _strict(pattern).search(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _differ(validator: Any, wanted: bool, value: Any, schema: Any) -> Iterator[Any]:
    """`uniqueItems` in linear time: the library compares each with each where they cannot be sorted."""
    from jsonschema import ValidationError

    if wanted and isinstance(value, list) and len({json.dumps(v, sort_keys=True) for v in value}) < len(value):
        yield ValidationError(f"{value!r} has non-unique elements")


@cache
def _strict(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"{pattern[:-1]}\Z" if pattern.endswith("$") else pattern)


def _message(error: Any) -> str:
    """What is wrong; where one of several sets of fields is required, these sets instead of "any of the schemas"."""
    choices = error.validator_value
    if error.validator == "anyOf" and all(set(choice) == {"required"} for choice in choices):
        return f"it needs {', or '.join(' and '.join(choice['required']) for choice in choices)}"
    return str(error.message)


def _short(message: str) -> str:
    return message if len(message) <= 200 else message[:197] + "..."


def _position(text: bytes, path: Path_) -> tuple[int, int]:
    """Line and column, from 1, of the node at `path`, or of the nearest node above it that exists."""
    node = yaml.compose(text.decode("utf-8"), Loader=_Loader)
    for step in path:
        child = _child(node, step)
        if child is None:
            break
        node = child
    return (node.start_mark.line + 1, node.start_mark.column + 1) if node else (1, 1)


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None
