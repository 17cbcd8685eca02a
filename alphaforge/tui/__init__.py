"""The terminal app: a client of the control API that shows a run and sends what its user decides.

Must hold no trading truth and must never import what trades: if it dies, trading goes on.
"""
