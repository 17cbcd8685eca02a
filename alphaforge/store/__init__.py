"""What was, kept: the journal, the views a person queries, and their export. It decides nothing."""
