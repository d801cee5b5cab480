"""Health, presence, flags and files of an installation."""
