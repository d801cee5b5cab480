"""The panels beside the views of the stand: a party, a new one, the evening."""
