"""The exceptions for what a person can fix: their text is one line that names the value, the choices or the next
step.
"""


class InputError(ValueError):
    """Bad input: shown as one line without a stack, and never tried again."""


class Refused(InputError):
    """What was asked of a store may not be done with this key, or without one."""
