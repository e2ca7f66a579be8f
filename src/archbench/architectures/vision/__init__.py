"""Networks that tell what a picture or a video shows."""
