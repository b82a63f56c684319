"""`fleet.upgrade` and `fleet.rollback`: another version of Hermes, and the way back."""
