"""The sync protocol as a machine without I/O."""
