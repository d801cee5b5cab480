"""Restores of an installation at its full size: `make drill`."""
