"""The point-in-time log, on a real server with a binary log."""
