"""A host's acts on an evening."""
