"""The host's acts on an evening as a whole."""
