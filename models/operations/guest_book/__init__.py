"""The guest book: filing reservations under their guests, and what the staff write there."""
