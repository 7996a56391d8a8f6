package speed

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
