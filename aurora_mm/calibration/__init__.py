"""How sure a model is: calibrated probabilities, conformal sets and margins, and images unlike the training images."""
