"""Takes tokens out of force before their end, on every worker."""
