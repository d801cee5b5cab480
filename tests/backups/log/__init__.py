"""The point-in-time log, on a real server that keeps one."""
