"""What happens in the background: messages, on real SMTP and HTTP servers."""
