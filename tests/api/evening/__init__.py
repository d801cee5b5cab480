"""A Friday evening at a restaurant of 28 tables, played through the API."""
