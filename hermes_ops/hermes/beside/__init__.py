"""What else on a host runs the home of a gateway, or ends it."""
