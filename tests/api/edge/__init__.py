"""What every request passes, and malformed requests."""
