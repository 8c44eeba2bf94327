"""The operations page: what batches, quotas and deliveries are doing, and what waits for a person."""
