"""Settings: show, compare, write, push and pull them."""
