"""Published figures and the commands that measure them anew."""
