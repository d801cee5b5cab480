"""Keys and their uses: encryption at rest, signatures, keyed hashes, key services."""
