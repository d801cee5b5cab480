"""Messages to guests: rendering, sending, and recording the outcome."""
