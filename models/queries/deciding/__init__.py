"""What decisions need to know before and under the locks."""
