"""The registry as it was: states at earlier sizes, from records that were verified already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from muniment.core.errors import Usage
from muniment.registry.check import check, check_absent
from muniment.registry.state import Entry, State


def states(entries: Sequence[Entry]) -> Iterator[State]:
    """The state after each entry, first to last; every record is judged again by the rules then in force."""
    state = State()
    for entry in entries:
        state = _after(state, entry)
        yield state


def states_at(entries: Sequence[Entry], sizes: Sequence[int]) -> dict[int, State]:
    """The states after the given numbers of entries. Raises `Usage` for a size the log never had."""
    wanted, found = set(sizes), {0: State()}
    for state in states(entries[: max(wanted, default=0)]):
        if state.size in wanted:
            found[state.size] = state
    beyond = sorted(wanted - set(found))
    if beyond:
        raise Usage(f"The log has {len(entries)} entries, not {beyond[0]}.", "Give a size it has had.")
    return {size: found[size] for size in sorted(wanted)}


def _after(state: State, entry: Entry) -> State:
    signed = entry.carrier or entry.record
    if signed is not None:
        return check(state, signed, entry.admitted_at, entry.leaf)
    if entry.unproven is not None:
        return check_absent(state, entry.leaf, entry.admitted_at, entry.unproven)
    return replace(state.grown(entry), admitted_at=entry.admitted_at)  # a batch of nothing has a time too
