package node

import "context"

// A DaemonState is all of a daemon at one time.
type DaemonState struct {
	// Seq is the number of a notice: those after it tell what has changed since,
	// and may tell some of it once more.
	Seq       uint64     `json:"seq"`
	Node      DaemonInfo `json:"node"`
	Transfers []Transfer `json:"transfers"`
	Devices   []Device   `json:"devices"`
	Trust     *Meeting   `json:"trust"`
	Pairing   *Pairing   `json:"pairing"`
	Bench     *Bench     `json:"bench"`
	Limits    Limits     `json:"limits"`
}

// State is how the daemon stands.
func (d *Daemon) State(ctx context.Context) (DaemonState, error) {
	s := DaemonState{Seq: d.Newest(), Node: d.Info(), Transfers: d.Transfers(), Trust: d.TrustAsked(), Pairing: d.Pairing(), Bench: d.Bench(), Limits: d.Limits()}
	var err error
	s.Devices, err = d.Devices(ctx)
	return s, err
}
