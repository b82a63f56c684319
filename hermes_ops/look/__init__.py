"""Looking at a host: what is asked, what is answered, and the facts that come of it."""
