"""Cross-cutting handling of requests: limits, access, errors, headers, connections."""
