"""Object stores, by a server that speaks the protocol of S3."""
