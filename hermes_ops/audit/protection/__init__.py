"""The findings of a doctor about what protects a host from its services."""
