"""What an image holds, and what a step finds in it."""
