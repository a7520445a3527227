"""Streams over WebSockets."""
