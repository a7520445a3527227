"""The parts of `hushgate data`: modules with add_arguments and run."""
