"""Quotas: how much of what a vendor grants is left, and waiting for more without asking."""
