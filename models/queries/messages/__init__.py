"""The outgoing queue, failed messages, and the state of the channels."""
