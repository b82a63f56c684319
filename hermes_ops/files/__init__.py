"""The files that we write on hosts: what they can hold, and how we merge our part into them."""
