"""Steps as processes: a supervisor that ends all of a step, and what passes between the two."""
