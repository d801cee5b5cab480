"""The host's acts on tables, over HTTP."""
