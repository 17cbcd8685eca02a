"""The protocols of real venues, as the built-in exchange speaks them: one dialect per venue."""
