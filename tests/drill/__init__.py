"""The proof that the house comes back, at its full size: `make drill`."""
