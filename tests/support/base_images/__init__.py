"""What the base images of the tests are made of."""
