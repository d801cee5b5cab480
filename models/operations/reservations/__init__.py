"""What guests and staff do with a reservation before it is due."""
