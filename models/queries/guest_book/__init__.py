"""The guest book: search, one guest's record, and the guests of a book."""
