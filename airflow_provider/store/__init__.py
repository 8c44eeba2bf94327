"""The provider's own database: what has been sent, what remains of quotas, what has been read of lists."""
