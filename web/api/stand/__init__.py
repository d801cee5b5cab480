"""What the staff of one restaurant do: the book, the stand, guests, messages."""
