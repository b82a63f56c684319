"""Find credentials that are used twice, weak or exposed, in the inventory and on hosts."""
