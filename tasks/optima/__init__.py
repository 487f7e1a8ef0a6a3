"""All stationary points of the loss of small networks of one hidden layer, in rational arithmetic."""
