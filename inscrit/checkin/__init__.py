"""At the entrance: who has arrived."""
