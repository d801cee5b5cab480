"""Restaurants that count covers instead of tables."""
