"""The guest pages and the status pages."""
