"""The control API: a running engine shows itself and takes an operator's word."""
