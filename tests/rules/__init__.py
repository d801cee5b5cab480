"""The rules, tested as what they are: pure functions over values."""
