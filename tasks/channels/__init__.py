"""How a message leaves the house: one adapter each."""
