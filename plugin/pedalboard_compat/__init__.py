"""The call semantics of pedalboard: arguments, channel layout, native effects, streaming."""
