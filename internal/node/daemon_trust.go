package node

import "context"

// A TrustAnswer is what a person decides on a device that asks a daemon to be
// trusted.
type TrustAnswer struct {
	Accept   bool   `json:"accept"`    // its screen shows the same words
	DeviceID string `json:"device_id"` // of the device that was looked at
}

// TrustAsked is the device that asks to be trusted, about which nobody has
// decided; nil: none does.
func (d *Daemon) TrustAsked() *Meeting {
	if a := d.desk.trusting.asked(); a != nil {
		return &a.met
	}
	return nil
}

// AnswerTrust decides on the device that asks to be trusted. When it is accepted,
// the other user is waited for, and the error is nil when both devices trust each
// other. What was decided stands, if ctx ends before that.
func (d *Daemon) AnswerTrust(ctx context.Context, answer TrustAnswer) error {
	a := d.desk.trusting.asked()
	if a == nil || a.met.DeviceID != answer.DeviceID {
		return errTrustOver
	}
	select {
	case d.verdicts <- answer:
	case <-a.ended: // told below
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-a.settled:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if answer.Accept {
		return a.result
	}
	return nil
}

// verdict waits until somebody decides on a device that asks to be trusted, or
// ctx ends.
func (d *Daemon) verdict(ctx context.Context, m Meeting) (bool, error) {
	for {
		select {
		case answer := <-d.verdicts:
			if answer.DeviceID == m.DeviceID { // else it was for one that has just gone
				return answer.Accept, nil
			}
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}
