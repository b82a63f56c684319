"""Everything that is specific to Hermes."""
