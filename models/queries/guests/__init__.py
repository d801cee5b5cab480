"""Guests of one restaurant, and all data stored about a guest."""
