"""What each process does around its work."""
