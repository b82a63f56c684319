"""What other programs are told about a look: messages, a ping, metrics, a configuration.

Nothing here looks at a host, and nothing here is a server: each call tells once and ends.
"""
