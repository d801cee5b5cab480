"""The image, docker-compose.yml, and its upgrade."""
