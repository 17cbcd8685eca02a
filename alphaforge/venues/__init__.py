"""Speaks to exchanges."""
