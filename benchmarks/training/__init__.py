"""What a figure of training must see, and how exact one step is."""
