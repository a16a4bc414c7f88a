"""tinyvideo: public video in, training data for video generation out, and the training on it."""
