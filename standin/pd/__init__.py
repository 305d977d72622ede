"""One PD member: who leads, what the leader knows of stores and regions, what it has them do, and what it answers."""
