"""What makes a process of a node: clock, disk, network, flags. As thin as it can be."""
