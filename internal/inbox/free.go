package inbox

// Free is how many bytes the file system of a folder has left; -1: that is not
// known.
func Free(dir string) int64 {
	if _, free, err := volume(dir); err == nil {
		return free
	}
	return -1
}

// IsNoSpace tells whether an error of the system says that a disk is full.
func IsNoSpace(err error) bool { return noSpace(err) }
