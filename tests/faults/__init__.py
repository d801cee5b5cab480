"""Faults: processes and servers die at the worst moment; nothing is lost or doubled."""
