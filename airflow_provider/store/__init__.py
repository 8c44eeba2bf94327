"""The provider's own database: what has been sent, and later what is left of quotas."""
