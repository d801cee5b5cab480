"""Another region: a primary and its replica, and the way from one to the other and back."""
