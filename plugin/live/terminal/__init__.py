"""The terminal of a live session: keys, controls, line and meter views."""
