"""Runbooks: procedures in Markdown that an operator is walked through, step by step."""
