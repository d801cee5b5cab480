"""The list at the door: what a party is told about its wait, and when the list is open."""
