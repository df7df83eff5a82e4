"""Receives calls: who makes them, what their credentials may be used for, and how often; and who fails to say so."""
