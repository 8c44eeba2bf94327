"""mPOHODA simulated."""
