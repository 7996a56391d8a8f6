package inbox

// An Inbox is a folder that files are received into. It is safe from several
// goroutines, and several processes may have the same folder open.
type Inbox struct {
	fs     filesystem
	dir    string
	secret Secret
}

// Open opens the folder dir. It writes nothing: Begin makes the folder, and those
// that it is in, where they are missing. What is unfinished there counts if it was
// written with the same secret.
func Open(dir string, secret Secret) (*Inbox, error) {
	d, err := openDisk(dir)
	if err != nil {
		return nil, err
	}
	return &Inbox{fs: d, dir: d.path, secret: secret}, nil
}

// Close lets go of the folder. Every Landing must be closed before.
func (in *Inbox) Close() error { return in.fs.Close() }

// Dir is the folder's absolute path.
func (in *Inbox) Dir() string { return in.dir }
