"""CEL as semantics 1 of a log means it: a part of the Common Expression Language whose answers never change.

A policy is judged again by every reader for as long as its log exists, so the language is this package and no
installed one: what is here gives the answer that CEL's definition gives, in every process and on every machine, or
an error. An error is never a yes.

Types: null, bool, int (64 bits), double, string, list, map with string keys, timestamp, duration. Numbers that come
from records are doubles, as CEL reads JSON. Operators: `?:`, `||`, `&&`, `!`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`,
`+`, `-`, `*`, `/`, `%`, `.`, `[]`. Macros: `has`, `all`, `exists`, `exists_one`, `map`, `filter`. Functions: see
`functions`. Narrower than CEL: a double that is not finite is an error; maps are walked in the order of their sorted
keys; no uint, bytes, types, messages, optionals, time zones, `matches`.

Bounds: 4,096 characters, 64 levels, 4 macros in one another, and `STEPS` steps an evaluation, counted and not timed.

    >>> compile_expression("size(kinds) == 1 && 'model' in kinds", {"kinds"}).decide({"kinds": ["model"]})
    True

Source: CEL language definition, github.com/google/cel-spec, doc/langdef.md.
"""

from muniment.policy.cel.program import STEPS, Program, compile_expression
from muniment.policy.cel.values import Undecided

__all__ = ["STEPS", "Program", "Undecided", "compile_expression"]
