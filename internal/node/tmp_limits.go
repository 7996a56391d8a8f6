package node

// SetLimits gives way to the one that changes what is under way: drop this file.
func (n *Node) SetLimits(up, down int64) {}
