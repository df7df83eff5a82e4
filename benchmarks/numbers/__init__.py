"""The numbers of the speed targets, one module each."""
