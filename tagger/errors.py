"""The exception tree. Each message says what was found, what was expected and what to do.

No message ever contains text of child or robot: what is said stays out of logs and traces.
"""


class TaggerError(Exception):
    """Root of every error this package raises on purpose."""


class InvalidExchange(TaggerError):
    """The exchange breaks the documented limits; the caller must fix the request."""


class Overloaded(TaggerError):
    """The queue is full; the caller should back off."""


class BackendUnavailable(TaggerError):
    """The backend cannot answer now; the caller may retry."""


class EngineError(TaggerError):
    """An engine directory is missing, damaged or inconsistent."""


class ConfigError(TaggerError):
    """A setting is unknown or has an impossible value."""


class DataError(TaggerError):
    """A data file breaks the documented format."""
