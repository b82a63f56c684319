"""`fleet.doctor`: everything that is or may go wrong, each with its consequence and its remedy."""
