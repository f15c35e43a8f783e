"""Questions to the state: pure functions that only read it."""
