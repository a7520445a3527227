"""hushgate in other packages; each module needs its own."""
