"""The guest book over HTTP, for the staff of a restaurant."""
