"""Values of trading: nothing in this package moves, waits, remembers or reads the environment."""
