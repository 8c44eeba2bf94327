"""Waiting for something at a vendor, with looks that everybody who waits on a connection shares."""
