"""The hosts, groups and profiles that the operator described, and how some of them are chosen."""
