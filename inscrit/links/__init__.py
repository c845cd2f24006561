"""The way back to one's registrations, for whoever has lost their links."""
