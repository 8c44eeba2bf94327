"""The provider's own database: what has been sent, and what is left of quotas."""
