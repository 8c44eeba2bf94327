"""mPOHODA: connection, hook and calls."""
