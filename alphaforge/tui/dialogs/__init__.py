"""What opens over the screen: tickets, questions, choices. Each is one sheet drawn by hand."""
