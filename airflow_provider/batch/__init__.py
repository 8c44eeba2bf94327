"""Batches: many records through one kind of call, one task, bounded memory."""
