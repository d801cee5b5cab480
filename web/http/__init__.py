"""What every request passes: limits, access, errors, headers, connections."""
