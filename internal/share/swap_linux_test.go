package share

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Nothing of elsewhere is listed while a folder and a link are exchanged all the
// time.
func TestFolderExchangedAgainAndAgain(t *testing.T) {
	root := tree(t, map[string]int{"s/sub/own": 1, "s/z": 1, "outside/diary": 1})
	sub, link := filepath.Join(root, "s", "sub"), filepath.Join(root, "s", "link")
	if err := os.Symlink("../outside", link); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var exchanging sync.WaitGroup
	exchanging.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := unix.Renameat2(unix.AT_FDCWD, sub, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 500 {
		s := walk(t, filepath.Join(root, "s"))
		for _, path := range paths(s) {
			if strings.HasSuffix(path, "diary") {
				t.Errorf("listed %q", path)
			}
		}
	}
	close(stop)
	exchanging.Wait()
}
