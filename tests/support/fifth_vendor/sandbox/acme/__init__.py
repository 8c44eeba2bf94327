"""Acme, simulated."""
