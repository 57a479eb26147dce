"""What keeps the pages of a live query from moving.

A client shows a long list as pages, each a query of its own that begins at the cursor at which the
one before has ended. When documents come and go, each page is read again; were it read up to its
number of items again, its end would move away from where the next one begins, and documents would
be missing or stand there twice. So the end of a page is fixed by its first run: the run leaves it
in the *journal* of the query, and each later run gets it back and reads up to it, however many
documents that is.

The journal belongs to the run, not to a function: it is that of the first page that the run reads,
be it in a nested call. Only nested functions can read another one; it ends where its options say.

Source: contract 5.8 (journal), 1.6.
"""

from __future__ import annotations

from realtime.errors import ValidationError


class PageJournal:
    """Where the page of one run ends: as the last run has left it, and as this one leaves it."""

    __slots__ = ("_recorded_end", "function_has_page", "page_end")

    def __init__(self, recorded_end: str | None = None) -> None:
        self._recorded_end = recorded_end
        self.page_end: str | None = None
        """The encoded cursor at which the run's page ends; set when it has been read."""
        self.function_has_page = False
        """Whether the function at hand has begun a page; set by `begin_page`, exchanged by nested
        calls."""

    def begin_page(self) -> str | None:
        """Begin a page; return the end that it had in the last run, None if it is not fixed.

        Raises:
            ValidationError: The function has read a page already.
        """
        if self.function_has_page:
            raise ValidationError(
                "This query or mutation function ran multiple paginated queries. Convex only "
                "supports a single paginated query in each function."
            )
        self.function_has_page = True
        recorded_end, self._recorded_end = self._recorded_end, None
        return recorded_end

    def finish_page(self, end: str) -> None:
        """Take note of where a page has ended; only the first one counts."""
        if self.page_end is None:
            self.page_end = end
