"""What keeps a service from taking its whole host with it: limits, a ceiling, hardening."""
