"""`roles/<name>/role.yml`: what it may say, and the frozen roles that come of it."""
