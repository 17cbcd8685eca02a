"""The control client: what the command line and the terminal app know of a running engine."""
