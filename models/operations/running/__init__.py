"""What keeps an installation in order: jobs, health, flags, files."""
