"""Sound through pipes: standard input and output, named pipes, streams that cannot seek."""
