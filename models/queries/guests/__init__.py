"""Guests of one restaurant, and everything that is kept about one."""
