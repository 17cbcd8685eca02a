"""Wires and runs: the only tasks, threads, timers, wall clock and logs; no trading arithmetic."""
