"""Imbee, simulated."""
