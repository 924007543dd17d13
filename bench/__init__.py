"""The project's own benchmark: Verbena, and Dovecot beside it where it is installed. Run it with ``make bench``."""
