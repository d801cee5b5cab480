"""The outgoing queue, and the state of the channels it uses."""
