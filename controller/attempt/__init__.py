"""One attempt of one trial: its steps, its fault, what was seen and how it ended."""
