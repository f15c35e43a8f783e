"""CEL trees as closures over plain values, with a count of steps instead of a clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from muniment.core.errors import Malformed
from muniment.policy.cel import values
from muniment.policy.cel.functions import FUNCTIONS
from muniment.policy.cel.syntax import (
    Call,
    Chain,
    Choice,
    Listed,
    Literal,
    Loop,
    Mapped,
    Name,
    Node,
    Select,
    parse_expression,
)
from muniment.policy.cel.tokens import Problem
from muniment.policy.cel.values import Charge, Exhausted, MadeList, MadeMap, Undecided, type_of

STEPS = 250_000
"""Steps that one evaluation may take: a walk costs the size of its body an item, long values their length."""
MAX_DEPTH = 64
MAX_LOOPS = 4


class _Run:
    """One evaluation: variables by name, and the steps that are left."""

    __slots__ = ("left", "names")

    def __init__(self, names: dict[str, Any], left: int) -> None:
        self.names, self.left = names, left

    def charge(self, steps: int) -> None:
        """Raises `Exhausted` when the steps are used up."""
        self.left -= steps
        if self.left < 0:
            raise Exhausted(f"it takes more than {STEPS:,} steps")


Step = Callable[[_Run], Any]


@dataclass(frozen=True, slots=True)
class Program:
    """An expression ready to be asked; `names` are the variables it reads, `cost` is the number of its parts."""

    text: str
    names: frozenset[str]
    cost: int
    step: Step

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The expression's value, where every variable is plain JSON. Raises `Undecided`."""
        run = _Run(dict(variables), STEPS)
        run.charge(self.cost)
        return self.step(run)

    def decide(self, variables: Mapping[str, Any]) -> bool:
        """Its value, which must be true or false. Raises `Undecided`."""
        value = self.evaluate(variables)
        if not isinstance(value, bool):
            raise Undecided(f"it gives {type_of(value)}, not true or false")
        return value


def compile_expression(text: str, variables: Collection[str]) -> Program:
    """The program of an expression over `variables`. Raises `Malformed` with line and column."""
    try:
        compiler = _Compiler(frozenset(variables))
        step = compiler.step(parse_expression(text))
    except Problem as problem:
        before = text[: problem.at]
        line, column = before.count("\n") + 1, problem.at - before.rfind("\n")
        raise Malformed(
            f"line {line}, column {column}: {problem.message}.", "Correct the expression; docs/policy.md says the rest."
        ) from problem
    return Program(text, frozenset(compiler.read), compiler.parts, step)


class _Compiler:
    def __init__(self, known: frozenset[str]) -> None:
        self.known: dict[str, str] = {name: name for name in known}
        self.parts, self.depth, self.loops, self.made = 0, 0, 0, 0
        self.read: set[str] = set()

    def step(self, node: Node) -> Step:
        self.parts += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Problem(node.at, f"it is nested more than {MAX_DEPTH} deep")
        made = self._step(node)
        self.depth -= 1
        return made

    def _step(self, node: Node) -> Step:
        match node:
            case Literal(value=value):
                return lambda run: value
            case Name():
                return self._name(node)
            case Select(of=of, field=field, test=test):
                return _test(self.step(of), field) if test else _select(self.step(of), field)
            case Call():
                return self._call(node)
            case Chain(operator=operator, parts=parts):
                return _chain(tuple(self.step(p) for p in parts), operator == "||")
            case Choice(test=test_, yes=yes, no=no):
                return _choice(self.step(test_), self.step(yes), self.step(no))
            case Listed(items=items):
                return _listed(tuple(self.step(i) for i in items))
            case Mapped(pairs=pairs):
                return _mapped(tuple((self.step(k), self.step(v)) for k, v in pairs))
            case Loop():
                return self._loop(node)

    def _name(self, node: Name) -> Step:
        if node.name not in self.known:
            raise Problem(node.at, f"there is no variable {node.name!r}; there are {', '.join(sorted(self.known))}")
        place = self.known[node.name]
        if place == node.name:
            self.read.add(place)

        def read(run: _Run) -> Any:
            if place not in run.names:
                raise Undecided(f"nothing is known of {place}")
            return run.names[place]

        return read

    def _call(self, node: Call) -> Step:
        if node.function in _OPERATORS:
            return _operator(_OPERATORS[node.function], tuple(self.step(a) for a in node.arguments))
        known = FUNCTIONS.get(node.function)
        wanted = -1 if known is None else known.plain if node.receiver is None else known.method
        if known is None or wanted < 0:
            how = "method" if node.receiver else "function"
            raise Problem(node.at, f"there is no {how} {node.function!r} in semantics 1")
        if len(node.arguments) != wanted:
            raise Problem(node.at, f"{node.function} takes {wanted} arguments here, not {len(node.arguments)}")
        given = (node.receiver, *node.arguments) if node.receiver else node.arguments
        return _operator(known.apply, tuple(self.step(a) for a in given))

    def _loop(self, node: Loop) -> Step:
        over = self.step(node.over)
        self.loops += 1
        if self.loops > MAX_LOOPS:
            raise Problem(node.at, f"more than {MAX_LOOPS} macros stand in one another")
        outer, before = self.known, self.parts
        self.made += 1
        place = f"{node.variable} {self.made}"  # of its own, so that no walk needs to clean up behind it
        self.known = outer | {node.variable: place}
        guard = self.step(node.guard) if node.guard else None
        body = self.step(node.body)
        self.known = outer
        self.loops -= 1
        return _walk(node.macro, over, place, body, guard, self.parts - before)


def _test(of: Step, field: str) -> Step:
    def run_(run: _Run) -> bool:
        holder = of(run)
        if not isinstance(holder, dict):
            raise Undecided(f"{type_of(holder)} has no fields")
        return field in holder

    return run_


def _select(of: Step, field: str) -> Step:
    def run_(run: _Run) -> Any:
        holder = of(run)
        if not isinstance(holder, dict):
            raise Undecided(f"{type_of(holder)} has no field {field!r}")
        if field not in holder:
            raise Undecided(f"there is no field {field!r}")
        return values.taken(holder, holder[field])

    return run_


def _operator(apply: Callable[..., Any], arguments: tuple[Step, ...]) -> Step:
    if len(arguments) == 1:
        (only,) = arguments
        return lambda run: apply(only(run), run.charge)
    one, two = arguments
    return lambda run: apply(one(run), two(run), run.charge)


def _chain(parts: tuple[Step, ...], decisive: bool) -> Step:
    return lambda run: _decide(((part, run) for part in parts), decisive)


def _decide(asked: Iterable[tuple[Step, _Run]], decisive: bool) -> bool:
    """`&&`, `||`, `all`, `exists`: one part may decide, whatever an undecided one would have said."""
    doubt: Undecided | None = None
    for part, run in asked:
        try:
            if _boolean(part(run)) is decisive:
                return decisive
        except Exhausted:
            raise
        except Undecided as error:
            doubt = doubt or error
    if doubt is not None:
        raise doubt
    return not decisive


def _choice(test: Step, yes: Step, no: Step) -> Step:
    return lambda run: yes(run) if _boolean(test(run)) else no(run)


def _listed(items: tuple[Step, ...]) -> Step:
    return lambda run: MadeList(item(run) for item in items)


def _mapped(pairs: tuple[tuple[Step, Step], ...]) -> Step:
    def run_(run: _Run) -> MadeMap:
        made = MadeMap()
        for key_of, value_of in pairs:
            key = key_of(run)
            if not isinstance(key, str) or key in made:
                raise Undecided("a map's key is no string, or is given twice")
            made[key] = value_of(run)
        return made

    return run_


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Undecided(f"{type_of(value)} is neither true nor false")
    return value


def _walk(macro: str, over: Step, place: str, body: Step, guard: Step | None, cost: int) -> Step:
    def each(run: _Run) -> Iterator[tuple[Step, _Run]]:
        """The body and the run, once an item with the variable set to it."""
        found = values.items(over(run))
        run.charge(cost * len(found))
        for item in found:
            run.names[place] = item
            yield body, run

    if macro in ("all", "exists"):
        return lambda run: _decide(each(run), macro == "exists")
    if macro == "exists_one":
        return lambda run: sum(_boolean(step(now)) for step, now in each(run)) == 1
    if macro == "filter":
        return lambda run: MadeList(now.names[place] for step, now in each(run) if _boolean(step(now)))
    return lambda run: MadeList(step(now) for step, now in each(run) if guard is None or _boolean(guard(now)))


def _not(value: Any, charge: Charge) -> bool:
    return not _boolean(value)


def _negate(value: Any, charge: Charge) -> Any:
    if type(value) not in (int, float):
        raise Undecided(f"{type_of(value)} has no negative")
    return values.number(-value)


_OPERATORS: dict[str, Callable[..., Any]] = {
    "!": _not,
    "negate": _negate,
    "[]": lambda holder, key, charge: values.index(holder, key),
    "in": values.within,
    "==": values.equal,
    "!=": lambda one, two, charge: not values.equal(one, two, charge),
    "<": lambda one, two, charge: values.compare(one, two, charge) < 0,
    "<=": lambda one, two, charge: values.compare(one, two, charge) <= 0,
    ">": lambda one, two, charge: values.compare(one, two, charge) > 0,
    ">=": lambda one, two, charge: values.compare(one, two, charge) >= 0,
    "+": values.add,
    "-": values.subtract,
    "*": values.multiply,
    "/": values.divide,
    "%": values.remainder,
}
