"""Deliberate breakages of our own order path, each to be caught by the simulator.

`python -m tests.mutations --cap 500`; START HERE: `mutants.py`. Nothing here may be imported by the
package.
"""
