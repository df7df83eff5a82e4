"""What editors ask of policy text: where names are declared and used, what they are, what may be written where."""
