"""What of credentials is double, weak or in the open: found here, and told by hosts."""
