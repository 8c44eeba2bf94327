"""Lists of a vendor to files: page after page, and on from the last one after an interruption."""
