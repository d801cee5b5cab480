"""Another region: a primary, its replica, and the way there and back."""
