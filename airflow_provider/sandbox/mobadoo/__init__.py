"""Mobadoo simulated."""
