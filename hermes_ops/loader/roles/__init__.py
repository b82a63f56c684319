"""`roles/<name>/role.yml`: its keys, and the frozen roles made from it."""
