"""Parses, calls a service, prints; must never hold logic."""
