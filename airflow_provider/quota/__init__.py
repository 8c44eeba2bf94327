"""Quotas: how much remains of what a vendor grants, reserving it, and waiting without spending it."""
