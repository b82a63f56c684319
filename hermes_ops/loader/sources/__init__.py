"""What is read: which files, and each kind of them as Ansible reads it."""
