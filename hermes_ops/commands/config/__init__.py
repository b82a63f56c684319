"""Settings: seen, compared, written, pushed and pulled."""
