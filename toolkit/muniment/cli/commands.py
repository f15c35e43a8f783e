"""Commands whose parameters may stand for several options: a frozen value's fields, written once for all who use it.

    def promote(selector: ..., *, how: Delivery) -> None

has the options that `Delivery`'s fields are, and those of fields that are such values themselves.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

import typer

Parameter = inspect.Parameter


def add(app: typer.Typer, *commands: Callable[..., None], **settings: Any) -> None:
    """Adds functions as commands."""
    for run in commands:
        app.command(**settings)(spread(run))


def spread(run: Callable[..., None]) -> Callable[..., None]:
    """The function with every option for itself; two options of one name are an error."""
    own = inspect.signature(run, eval_str=True)
    parameters = [option for given in own.parameters.values() for option in _options(given)]

    @functools.wraps(run)
    def called(**given: Any) -> None:
        run(**{p.name: _value(p.name, p.annotation, given) for p in own.parameters.values()})

    called.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    return called


def _options(given: Parameter) -> Iterator[Parameter]:
    if not is_dataclass(given.annotation):
        for told in getattr(given.annotation, "__metadata__", ()):
            told.readable = False  # whoever reads a path says what is wrong with it: that is no wrong usage
        yield given
        return
    hints = get_type_hints(given.annotation, include_extras=True)
    for field in fields(given.annotation):
        default = Parameter.empty if field.default is MISSING else field.default
        yield from _options(
            Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name])
        )


def _value(name: str, kind: Any, given: Mapping[str, Any]) -> Any:
    if not is_dataclass(kind):
        return given[name]
    assert isinstance(kind, type)
    hints = get_type_hints(kind, include_extras=True)
    return kind(**{field.name: _value(field.name, hints[field.name], given) for field in fields(kind)})
