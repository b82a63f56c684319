"""A job of launchd: its property list, and what launchd shows of it."""
