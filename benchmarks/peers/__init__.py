"""What ours is held against: other stabilizers, other loaders, a plain port of the network."""
