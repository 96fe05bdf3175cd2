"""What the integration tests are written with: the real binary, scripted upstream peers and raw clients."""
