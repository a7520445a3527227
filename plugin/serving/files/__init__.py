"""Recordings that come and go as bodies of requests, and the processes that clean them."""
