"""Invalidation: a query hears of the commits that changed what it read, and of no others.

The first property is about the index of subscriptions alone: it finds what a plain look at every
interval finds, and that is what comparing values finds. `HeldQueries` is about whole queries: one
that keeps its snapshot while commits go on sees its own moment, and its token, registered whenever,
is found to be stale exactly if a commit since then touched what it had read.
"""

from __future__ import annotations
