"""All that is known of Hermes, and of no other program."""
