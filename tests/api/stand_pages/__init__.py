"""What the stand's panels offer, held against the API."""
