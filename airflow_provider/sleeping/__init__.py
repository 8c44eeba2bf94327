"""Sensors and triggers that sleep until a known time: what they have in common, whatever they wait for."""
