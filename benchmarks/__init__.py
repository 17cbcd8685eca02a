"""How fast the engine is on this machine, in seconds and in floors: `python -m benchmarks`.

Measures and reports; must never assert a speed (a shared machine would make it a lie) and must
never be imported by the package.
"""
