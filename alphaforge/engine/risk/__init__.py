"""Before an order leaves: limits, funds, and the gate that alone makes `Approved`."""
