"""Records in and out of files: readers, writers, and files for many workers."""
