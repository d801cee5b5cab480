"""Keys and what they do: encryption at rest, signatures, keyed hashes, key services."""
