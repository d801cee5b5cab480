"""Observability of a process: logs, trace ids, spans, metrics, error reports."""
