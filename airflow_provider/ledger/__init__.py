"""The ledger: what has been sent, so that nothing is sent twice."""
