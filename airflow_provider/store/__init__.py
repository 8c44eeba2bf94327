"""The provider's own database: what was sent, what remains of quotas, what was read, sessions."""
