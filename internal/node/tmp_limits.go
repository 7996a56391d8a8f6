package node

func (n *Node) SetLimits(up, down int64) {}
