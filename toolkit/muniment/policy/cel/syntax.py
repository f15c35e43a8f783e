"""CEL text as a tree. Source: CEL language definition, "Syntax"."""

from __future__ import annotations

from dataclasses import dataclass

from muniment.policy.cel.tokens import Problem, Token, tokens

MAX_NESTED = 32

RELATIONS = ("==", "!=", "<", "<=", ">", ">=", "in")
MACROS = {"all": (2,), "exists": (2,), "exists_one": (2,), "map": (2, 3), "filter": (2,)}


@dataclass(frozen=True, slots=True)
class Literal:
    """null, true, a number or a string."""

    at: int
    value: object


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`of.field`; with `test` the macro `has(of.field)`."""

    at: int
    of: Node
    field: str
    test: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function, or an operator by its sign; `receiver` for `receiver.function(…)`."""

    at: int
    function: str
    arguments: tuple[Node, ...]
    receiver: Node | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """`a && b && …` or `a || b || …`."""

    at: int
    operator: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`test ? yes : no`."""

    at: int
    test: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Listed:
    """`[a, b]`."""

    at: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    """`{a: b}`."""

    at: int
    pairs: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """A macro over a list or a map; `guard` is the condition of `map` with three arguments."""

    at: int
    macro: str
    over: Node
    variable: str
    body: Node
    guard: Node | None = None


Node = Literal | Name | Select | Call | Chain | Choice | Listed | Mapped | Loop


def parse_expression(text: str) -> Node:
    """The tree of an expression. Raises `Problem`."""
    parser = _Parser(tokens(text))
    node = parser.expression()
    parser.end()
    return node


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.tokens, self.next, self.depth = found, 0, 0

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_NESTED:
            raise Problem(self._at(), f"it is nested more than {MAX_NESTED} deep")
        node = self._chain("||")
        if at := self._taken("?"):
            yes = self._chain("||")
            self._expect(":")
            node = Choice(at.at, node, yes, self.expression())
        self.depth -= 1
        return node

    def end(self) -> None:
        if self.tokens[self.next].kind != "end":
            raise self._unexpected()

    def _chain(self, operator: str) -> Node:
        parts, at = [self._chain("&&") if operator == "||" else self._relation()], self._at()
        while self._taken(operator):
            parts.append(self._chain("&&") if operator == "||" else self._relation())
        return parts[0] if len(parts) == 1 else Chain(at, operator, tuple(parts))

    def _relation(self) -> Node:
        node = self._sum()
        while sign := self._taken(*RELATIONS):
            node = Call(sign.at, sign.text, (node, self._sum()))
        return node

    def _sum(self) -> Node:
        node = self._product()
        while sign := self._taken("+", "-"):
            node = Call(sign.at, sign.text, (node, self._product()))
        return node

    def _product(self) -> Node:
        node = self._unary()
        while sign := self._taken("*", "/", "%"):
            node = Call(sign.at, sign.text, (node, self._unary()))
        return node

    def _unary(self) -> Node:
        signs: list[Token] = []
        while sign := self._taken(signs[0].text) if signs else self._taken("!", "-"):
            signs.append(sign)
        if signs and signs[-1].text == "-" and self.tokens[self.next].kind in ("int", "double"):
            self.tokens[self.next] = self.tokens[self.next].negated(signs.pop().at)
        node = self._member()
        for sign in reversed(signs):
            node = Call(sign.at, "!" if sign.text == "!" else "negate", (node,))
        return node

    def _member(self) -> Node:
        node = self._primary()
        while sign := self._taken(".", "["):
            if sign.text == "[":
                node = Call(sign.at, "[]", (node, self.expression()))
                self._expect("]")
                continue
            name = self._word()
            node = self._method(name, node) if self._taken("(") else Select(name.at, node, name.text)
        return node

    def _method(self, name: Token, receiver: Node) -> Node:
        arguments = self._arguments(")")
        if name.text not in MACROS:
            return Call(name.at, name.text, arguments, receiver)
        if len(arguments) not in MACROS[name.text]:
            raise Problem(name.at, f"{name.text} takes a name and an expression")
        variable = arguments[0]
        if not isinstance(variable, Name):
            raise Problem(variable.at, f"{name.text} begins with the name of its variable")
        guard = arguments[1] if len(arguments) == 3 else None
        return Loop(name.at, name.text, receiver, variable.name, arguments[-1], guard)

    def _primary(self) -> Node:
        token = self.tokens[self.next]
        if token.kind in ("literal", "int", "double", "string"):
            self.next += 1
            return Literal(token.at, token.value)
        if token.kind == "name":
            self.next += 1
            return self._call(token) if self._taken("(") else Name(token.at, token.text)
        if self._taken("("):
            node = self.expression()
            self._expect(")")
            return node
        if self._taken("["):
            return Listed(token.at, self._arguments("]", trailing=True))
        if self._taken("{"):
            return Mapped(token.at, self._pairs())
        raise self._unexpected()

    def _call(self, name: Token) -> Node:
        arguments = self._arguments(")")
        if name.text != "has":
            return Call(name.at, name.text, arguments)
        field = arguments[0] if len(arguments) == 1 else None
        if not isinstance(field, Select) or field.test:
            raise Problem(name.at, "has takes a field, as in has(a.b)")
        return Select(field.at, field.of, field.field, test=True)

    def _arguments(self, close: str, trailing: bool = False) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self._taken(close):
            if found:
                self._expect(",")
                if trailing and self._taken(close):
                    break
            found.append(self.expression())
        return tuple(found)

    def _pairs(self) -> tuple[tuple[Node, Node], ...]:
        found: list[tuple[Node, Node]] = []
        while not self._taken("}"):
            if found:
                self._expect(",")
                if self._taken("}"):
                    break
            key = self.expression()
            self._expect(":")
            found.append((key, self.expression()))
        return tuple(found)

    def _word(self) -> Token:
        token = self.tokens[self.next]
        if token.kind not in ("name", "reserved"):
            raise self._unexpected()
        self.next += 1
        return token

    def _taken(self, *signs: str) -> Token | None:
        token = self.tokens[self.next]
        if token.kind != "sign" or token.text not in signs:
            return None
        self.next += 1
        return token

    def _expect(self, sign: str) -> None:
        if not self._taken(sign):
            raise self._unexpected(f"{sign!r} is missing before ")

    def _at(self) -> int:
        return self.tokens[self.next].at

    def _unexpected(self, before: str = "") -> Problem:
        token = self.tokens[self.next]
        said = "the end" if token.kind == "end" else repr(token.text)
        if token.kind == "reserved":
            return Problem(token.at, f"{before}{said}, which is a reserved word")
        return Problem(token.at, f"{before}{said}" if before else f"{said} is in the wrong place")
