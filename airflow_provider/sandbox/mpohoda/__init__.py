"""mPOHODA, simulated."""
