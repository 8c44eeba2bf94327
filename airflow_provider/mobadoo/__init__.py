"""Mobadoo: its connection, calls, states and hook."""
