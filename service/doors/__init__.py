"""Where requests come in: each door turns bytes into the model and the model into bytes."""
