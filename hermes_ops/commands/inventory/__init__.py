"""The inventory as it was read: listed, explained, checked."""
