"""Messages: rendered, sent, and recorded."""
