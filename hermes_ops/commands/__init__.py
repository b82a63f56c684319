"""What a task does, one room a noun; free of Invoke, so that it can be called and tested alone."""
