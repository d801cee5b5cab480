"""The deployment files, run by what a container engine runs containers with."""
