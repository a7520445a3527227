"""`hushgate serve`: files over HTTP and streams over WebSockets."""
