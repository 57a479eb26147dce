"""Documents, indexes and the schema of an app."""
