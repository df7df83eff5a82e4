"""The measured rules in Cerbos, another authorization service: installed, started and asked."""
