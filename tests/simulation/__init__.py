"""Thousands of seeded lives of the real engine against a hostile venue, network and disk.

`python -m tests.simulation --seeds 1000`; START HERE: `world.py`. Nothing here may be imported by
the package.
"""
