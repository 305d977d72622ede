"""One campaign from admission to farewell: what is due when, who has the subject, and what the status says of it."""
