"""What an app's tests are written with: its backend on a virtual clock, and values made up.

With pytest the fixture `backend` (`realtime.pytest_plugin`) gives a `TestBackend`. The strategies
for Hypothesis are in `realtime.testing.strategies`, which alone needs that library.
"""

from __future__ import annotations

from realtime.testing.backends import TestBackend, running_app, running_backend
from realtime.testing.virtual_clock import VirtualClock

__all__ = ["TestBackend", "VirtualClock", "running_app", "running_backend"]
