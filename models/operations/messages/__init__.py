"""The queue of outgoing messages, and the state of the channels that it uses."""
