"""What is wrong with a version that is put in place."""


class NotWell(Exception):
    """A version does not do what it should; the text says what."""
