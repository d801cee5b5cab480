"""The restaurant: what exists, what is allowed, what can be done and asked."""
