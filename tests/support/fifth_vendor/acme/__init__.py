"""Acme: its connection, calls, operations, hooks and operators."""
