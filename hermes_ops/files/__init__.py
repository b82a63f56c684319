"""The files that we write on hosts: what they can hold, and how our part is merged into them."""
