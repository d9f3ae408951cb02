"""The one exception for what a person can fix: its text is one line that names the value, the choices or the next
step.
"""


class InputError(ValueError):
    """Bad input: shown as one line without a stack, and never tried again."""
