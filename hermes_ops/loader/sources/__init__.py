"""Which files are read, and how each format is read, as Ansible does."""
