"""The ASGI server: HTTP, WebSocket and metrics."""
