package trial

// An event is a line that a process writes to standard error with --json, as
// far as it is looked at here.
type event struct {
	Kind      string   `json:"event"`
	Addresses []string `json:"addresses"`
	Bytes     int64    `json:"bytes"`
	Reason    string   `json:"reason"`
}

// A Result is what the receiver writes to standard output at its end.
type Result struct {
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"` // first block's request to last block verified and synced
	Streams int     `json:"streams"` // the most at one time
	Files   []File  `json:"files"`
}

// A File is one file that arrived.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	BLAKE3 string `json:"blake3"` // in hexadecimal; empty for a folder
}

// said is either end's last word.
type said struct {
	Result
	Error *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}
