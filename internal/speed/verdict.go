package speed

import (
	"fmt"
	"strconv"
)

// A Limit is what keeps a path from being faster.
type Limit string

// The limits.
const (
	LimitNetwork           Limit = "network" // it is full
	LimitLoss              Limit = "loss"    // lost packets, or a long way, hold single connections back
	LimitSenderDisk        Limit = "sender_disk"
	LimitReceiverDisk      Limit = "receiver_disk"
	LimitSenderProcessor   Limit = "sender_processor"
	LimitReceiverProcessor Limit = "receiver_processor"
	LimitSetting           Limit = "setting" // somebody has set one
)

// A Verdict says what limits a path, and what to do about it, each in a
// sentence or two.
type Verdict struct {
	Limit  Limit  `json:"limit"`
	Text   string `json:"text"`
	Advice string `json:"advice"`
}

const (
	// alike is how much lower a ceiling must be measured to be lower.
	alike = 0.95
	// atLimit is above which part of a limit the limit is what holds back.
	atLimit = 0.8
	// mostOf is above which part of a ceiling a transfer has reached it.
	mostOf = 0.75
	// heldBack is below which part of what many carry one connection is held back.
	heldBack = 0.5
	// busyCore is above which part of what a core hashes, seals and opens a
	// connection keeps it busy: two more copies of each byte come with it.
	busyCore = 0.4
	// someLoss is the part of the segments that are sent again for a reason.
	someLoss = 0.0005
	// longWay is a round trip that is no local network's, in seconds.
	longWay = 0.02
)

// Conclude works out the gain and the verdict of a report that has its runs.
func (r *Report) Conclude() {
	if one, automatic := r.one(), r.automatic(); one != nil && automatic != nil && one.Rate > 0 {
		gain := automatic.Rate / one.Rate
		r.Gain = &gain
	}
	if best := r.best(); best != nil && r.From != nil && r.To != nil {
		v := r.judge(*best)
		r.Verdict = &v
	}
}

// A ceiling is the highest rate that something lets through.
type ceiling struct {
	of   Limit
	rate float64
}

// judge finds the lowest ceiling. Of those that are alike the first counts: a
// processor that is busy makes the network and the disks look slow. A limit that is
// set is what everything else was measured within.
func (r *Report) judge(best Run) Verdict {
	ceilings := []ceiling{
		{LimitSenderProcessor, withAll(best.Rate, best.SenderCPU)},
		{LimitReceiverProcessor, withAll(best.Rate, best.ReceiverCPU)},
	}
	if r.Local { // no network, and one disk for both ends
		ceilings = append(ceilings, ceiling{LimitReceiverDisk, inTurns(r.From.DiskRead, r.To.DiskWrite)})
	} else {
		ceilings = append(ceilings, ceiling{LimitNetwork, r.Raw()}, ceiling{LimitSenderDisk, r.From.DiskRead}, ceiling{LimitReceiverDisk, r.To.DiskWrite})
	}
	var lowest ceiling
	for _, c := range ceilings {
		if c.rate > 0 && (lowest.rate == 0 || c.rate < alike*lowest.rate) {
			lowest = c
		}
	}
	if lowest.rate == 0 { // nothing was carried, or measured
		lowest = ceiling{LimitNetwork, r.Raw()}
	}
	if limit := limited(r.From.Limit, r.To.Limit); limit > 0 && lowest.rate > atLimit*limit {
		lowest = ceiling{LimitSetting, limit}
	}
	if lowest.of == LimitNetwork && r.holdsBack() {
		lowest.of = LimitLoss
	}
	v := r.say(lowest)
	if best.Rate > 0 && best.Rate < mostOf*lowest.rate {
		v.Text += fmt.Sprintf(" Whole transfers had no more than %s of it.", Rate(best.Rate))
	}
	return v
}

// limited is the lower of two limits of which 0 is none.
func limited(a, b float64) float64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// inTurns is the rate of something that does one thing and then the other; 0: one
// of the rates is not known.
func inTurns(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return 1 / (1/a + 1/b)
}

// withAll is the rate that a machine would have that has one with a part of its
// processor.
func withAll(rate, part float64) float64 {
	if part <= 0 {
		return 0
	}
	return rate / min(part, 1)
}

// holdsBack tells whether single connections carry far less than many, and not
// because one core each is all that they have.
func (r *Report) holdsBack() bool {
	one := r.single()
	core := min(r.From.Memory, r.To.Memory)
	return one > 0 && one < heldBack*r.Raw() && (core == 0 || one < busyCore*core)
}

// single is the rate of the network over one connection; 0: it was not measured.
func (r *Report) single() float64 {
	for _, n := range r.Network {
		if n.Connections == 1 {
			return n.Rate
		}
	}
	return 0
}

// say puts the lowest ceiling into words.
func (r *Report) say(c ceiling) Verdict {
	v := Verdict{Limit: c.of}
	switch rate := Rate(c.rate); c.of {
	case LimitSetting:
		v.Text = fmt.Sprintf("The limit of %s that is set is reached.", rate)
		v.Advice = "Raise it or take it away to go faster: limit_up where files are sent, limit_down where they are received."
	case LimitSenderProcessor, LimitReceiverProcessor:
		v.Text = fmt.Sprintf("The %s processor is busy: with all of it there would be %s.", r.whose(c.of == LimitSenderProcessor), rate)
		v.Advice = "Close what else keeps it busy. Each byte is encrypted and hashed, which a processor with more or faster cores does faster."
	case LimitSenderDisk:
		v.Text = fmt.Sprintf("The %s disk reads no faster than %s.", r.whose(true), rate)
		v.Advice = "Send from a faster disk, if there is one."
	case LimitReceiverDisk:
		if r.Local {
			v.Text = fmt.Sprintf("The disk reads %s and writes %s, and has to do both here: %s.", Rate(r.From.DiskRead), Rate(r.To.DiskWrite), rate)
			v.Advice = "Between two machines each disk does one of the two."
			break
		}
		v.Text = fmt.Sprintf("The %s disk writes no faster than %s.", r.whose(false), rate)
		v.Advice = "Receive into a folder on a faster disk, if there is one."
	case LimitLoss:
		v.Text = fmt.Sprintf("%s hold single connections back: one carries %s, many together %s.", r.why(), Rate(r.single()), rate)
		v.Advice = "Leave the number of streams to lanyard, which opens as many as help. A cable instead of Wi-Fi, or a better reception, helps more."
	default:
		v.Text = fmt.Sprintf("The network is full: it carries %s.", rate)
		v.Advice = "Nothing is left to gain on this network. A cable, or a faster port or switch, would carry more."
	}
	return v
}

// whose machine it is.
func (r *Report) whose(isSender bool) string {
	switch {
	case r.Local:
		return "machine's"
	case isSender:
		return "sender's"
	}
	return "receiver's"
}

// why single connections are held back.
func (r *Report) why() string {
	switch {
	case r.Retransmitted != nil && *r.Retransmitted >= someLoss:
		return "Lost packets (" + percent(*r.Retransmitted) + " are sent again)"
	case r.RoundTrip != nil && *r.RoundTrip >= longWay:
		return "The long way and its packets' loss (a round trip takes " + Time(*r.RoundTrip) + ")"
	}
	return "Lost packets, or a long way,"
}

// percent writes a part: "0.45 %", "12 %".
func percent(part float64) string {
	value := 100 * part
	digits := 0
	if value < 9.995 {
		digits = 2
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " %"
}
