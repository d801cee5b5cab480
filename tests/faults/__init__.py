"""Faults: processes and servers die at the worst moment; afterwards nothing is lost or doubled."""
