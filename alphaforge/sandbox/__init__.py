"""The built-in exchange: a server that speaks real venues' protocols, with faults on demand."""
