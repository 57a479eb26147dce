"""Where documents and index entries are kept: ordered keys and bytes."""
