"""Units of systemd: what `systemctl show` prints of one, and how checks see it."""
