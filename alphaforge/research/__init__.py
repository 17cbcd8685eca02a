"""Asks history: backtests on the one engine. May know everything but the CLI; no second engine."""
