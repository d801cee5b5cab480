"""The Celery process."""
