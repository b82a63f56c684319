"""What happens in a run: told as events, kept in the journal, drawn for people."""
