"""Operations that keep an installation in order: jobs, health, flags, files."""
