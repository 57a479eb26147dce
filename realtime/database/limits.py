"""How much one function run may read and write.

Source: contract 3.6. The texts are those that the clients' tests know.
"""

from __future__ import annotations

from dataclasses import dataclass

from realtime.errors import LimitError

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TransactionLimits:
    """The most that one transaction reads and writes; sizes in bytes of encoded JSON."""

    documents_read: int = 32_000
    bytes_read: int = 16 * _MIB
    intervals_read: int = 4_096
    documents_written: int = 16_000
    bytes_written: int = 16 * _MIB


_READ_ADVICE = (
    "Consider using smaller limits in your queries, paginating your queries, "
    "or using indexed queries with a selective index range expressions."
)


def too_many_documents_read(limit: int) -> LimitError:
    """Return the error of a run that scanned more than `limit` documents."""
    return LimitError(
        f"Too many documents read in a single function execution (limit: {limit}). {_READ_ADVICE}",
        code="TooManyDocumentsRead",
    )


def too_many_bytes_read(limit: int) -> LimitError:
    """Return the error of a run that read more than `limit` bytes of documents."""
    return LimitError(
        "Too many bytes read in a single function execution "
        f"(limit: {limit} bytes). {_READ_ADVICE}",
        code="TooManyBytesRead",
    )


def too_many_reads(limit: int) -> LimitError:
    """Return the error of a run that made more than `limit` reads."""
    return LimitError(
        f"Too many reads in a single function execution (limit: {limit}). {_READ_ADVICE}",
        code="TooManyReads",
    )


def too_many_writes(limit: int) -> LimitError:
    """Return the error of a run that wrote more than `limit` documents."""
    return LimitError(
        f"Too many writes in a single function execution (limit: {limit})", code="TooManyWrites"
    )


def too_many_bytes_written(limit: int) -> LimitError:
    """Return the error of a run that wrote more than `limit` bytes of documents."""
    return LimitError(
        f"Too many bytes written in a single function execution (limit: {limit} bytes)",
        code="TooManyBytesWritten",
    )
