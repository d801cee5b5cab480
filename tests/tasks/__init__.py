"""Background tasks: messages and maintenance, on real SMTP and HTTP servers."""
