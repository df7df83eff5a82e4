"""Tree to typed program: names resolved, types checked, every fault found at once."""
