"""What happens in a run: emitted as events, kept in the journal, shown to people."""
