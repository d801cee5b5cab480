"""Sign-in and account management for staff."""
