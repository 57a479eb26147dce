"""Transactions, commits and invalidation over a storage."""
