"""The measured rules in the policy engines that Python can call, each in that engine's own way."""
