"""`python -m bench`: the benchmark; with `--endurance` first, the endurance run."""

from __future__ import annotations

import sys
from pathlib import Path

# The programs of this folder import each other by name, so that each can be started as a file.
sys.path.insert(0, str(Path(__file__).parent))


def main() -> int:
    """Start the program that was asked for."""
    if "--endurance" in sys.argv:
        sys.argv.remove("--endurance")
        import endurance

        return endurance.main()
    import run

    return run.main()


if __name__ == "__main__":
    sys.exit(main())
