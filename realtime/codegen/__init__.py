"""What is generated from a loaded app: its function spec, and typed clients."""
