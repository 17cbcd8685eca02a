"""What each venue really does, one table per family; see `alphaforge/venues/ccxt_profile.py`."""
