package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
	"lukechampine.com/blake3"
)

func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"lanyard": main})
}

// leakless fails when a test has left a goroutine behind.
type leakless struct{ m *testing.M }

func (l leakless) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// patience is how long a script waits for what must happen.
const patience = 30 * time.Second

// TestScript drives the built program: each script has nodes of its own, on
// loopback.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("LANYARD_HOME", filepath.Join(e.WorkDir, ".laptop"))
			// Else each process waits a second at its end for a last race.
			e.Setenv("GORACE", "atexit_sleep_ms=20")
			e.Values[processesKey{}] = map[string]*process{}
			port, err := freePort()
			if err != nil {
				return err
			}
			e.Setenv("PORT", strconv.Itoa(port))
			e.Setenv("FROM", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			// Others on this network, scripts among them, share under other codes.
			number := strconv.Itoa(1 + port%9999)
			e.Setenv("NUMBER", number)
			e.Setenv("LANYARD_CODE", number+"-river-anvil-moss")
			port, err = freePort()
			e.Setenv("PORT2", strconv.Itoa(port))
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":       code,
			"start":      start,
			"startfed":   startFed,
			"transferid": transferID,
			"startpty":   startOnTerminal,
			"type":       typeOnTerminal,
			"await":      await,
			"signal":     signalProcess,
			"ended":      ended,
			"exits":      exits,
			"random":     random,
			"blake3":     hashOf,
			"sametree":   sameTree,
			"linkof":     linkOf,
			"signup":     signUp,
			"endnode":    endNode,
		},
	})
}

// freePort is a port that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

type processesKey struct{}

// A process runs beside the script; its output goes to NAME.out and NAME.err.
type process struct {
	cmd  *exec.Cmd
	tty  *os.File      // what types for it, when it runs on a terminal
	done chan struct{} // closed when it has ended
}

func processOf(ts *testscript.TestScript, name string) *process {
	p := ts.Value(processesKey{}).(map[string]*process)[name]
	if p == nil {
		ts.Fatalf("nothing was started as %q", name)
	}
	return p
}

// start NAME COMMAND ARG... starts a process. It is killed when the script
// ends.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME COMMAND ARG...")
	}
	startWith(ts, args[0], args[1:], nil)
}

func startWith(ts *testscript.TestScript, name string, args []string, stdin io.Reader) {
	cmd := command(ts, args)
	stdout, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	stderr, err := os.Create(ts.MkAbs(name + ".err"))
	ts.Check(err)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	launch(ts, name, cmd, func() {
		stdout.Close()
		stderr.Close()
	})
}

// startfed NAME FILE COMMAND ARG... is start with standard input from a file,
// through a pipe.
func startFed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: startfed NAME FILE COMMAND ARG...")
	}
	data, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	startWith(ts, args[0], args[2:], bytes.NewReader(data))
}

// command is a program of the script's PATH in the script's environment.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	path := args[0]
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if found, err := exec.LookPath(filepath.Join(dir, path)); err == nil {
			path = found
			break
		}
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANYARD_HOME", "LANYARD_CODE", "DISPLAY", "GORACE", "SystemRoot"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// launch starts cmd under a name; after is called when it has ended.
func launch(ts *testscript.TestScript, name string, cmd *exec.Cmd, after func()) *process {
	ts.Check(cmd.Start())
	p := &process{cmd: cmd, done: make(chan struct{})}
	ts.Value(processesKey{}).(map[string]*process)[name] = p
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // its exit code is what counts
		after()
	}()
	ts.Defer(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-p.done
		for _, ext := range []string{".out", ".err"} {
			if data, err := os.ReadFile(ts.MkAbs(name + ext)); err == nil && len(data) < 1<<14 {
				ts.Logf("[%s%s]\n%s", name, ext, data)
			}
		}
	})
	return p
}

// await NAME REGEXP waits until a process has written to standard error what
// matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await NAME REGEXP")
	}
	p := processOf(ts, args[0])
	want := regexp.MustCompile(args[1])
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for over := false; ; {
		data, err := os.ReadFile(ts.MkAbs(args[0] + ".err"))
		ts.Check(err)
		if want.Match(data) {
			return
		}
		if over {
			ts.Fatalf("%s has ended, and nothing it wrote matches %s", args[0], args[1])
		}
		select {
		case <-p.done:
			over = true // once more, for its last words
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("nothing matches %s after %v", args[1], patience)
		}
	}
}

var signals = map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill}

// signal NAME INT|TERM|KILL
func signalProcess(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || signals[args[1]] == nil {
		ts.Fatalf("usage: signal NAME INT|TERM|KILL")
	}
	ts.Check(processOf(ts, args[0]).cmd.Process.Signal(signals[args[1]]))
}

// ended NAME CODE waits for the end of a process and compares its exit code;
// -1 is that of one that was killed.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: ended NAME CODE")
	}
	p := processOf(ts, args[0])
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("%s still runs after %v", args[0], patience)
	}
	if got := strconv.Itoa(p.cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("%s has ended with %s, want %s", args[0], got, args[1])
	}
}

// exits CODE COMMAND ARG... is exec that compares the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// code NAME VARIABLE sets the variable to the code that a sender with --json
// shows.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: code NAME VARIABLE")
	}
	setTo(ts, args[1], args[0]+".err", `"code":"([^"]+)"`)
}

// transferid FILE VARIABLE sets the variable to the first ID of a list of
// transfers.
func transferID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: transferid FILE VARIABLE")
	}
	setTo(ts, args[1], args[0], `^([0-9a-zA-Z]+)  `)
}

// linkof FILE VARIABLE sets the variable to the link that makes the account of a
// page.
func linkOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: linkof FILE VARIABLE")
	}
	setTo(ts, args[1], args[0], `(http://\S+#setup=[\w-]{43})`)
}

// signup LINK NAME PASSWORD makes the account of a page by its link.
func signUp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: signup LINK NAME PASSWORD")
	}
	address, token, _ := strings.Cut(args[0], "#setup=")
	body, err := json.Marshal(map[string]string{"token": token, "name": args[1], "password": args[2]})
	ts.Check(err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	res, err := client.Post(address+"api/v1/account", "application/json", bytes.NewReader(body))
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	if res.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s", res.Status, text)
	}
}

// endnode ends the node that "lanyard open" has started with the state folder of
// the script, and waits until it has.
func endNode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: endnode")
	}
	home := ts.Getenv("LANYARD_HOME")
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	ts.Check(err)
	for _, path := range all {
		env, err := os.ReadFile(path)
		if err != nil || !slices.Contains(strings.Split(string(env), "\x00"), "LANYARD_HOME="+home) {
			continue // another's, or gone
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil || string(line) != "lanyard\x00serve\x00--quiet\x00" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		ts.Check(err)
		process, err := os.FindProcess(pid)
		ts.Check(err)
		ts.Check(process.Signal(syscall.SIGTERM))
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(filepath.Join(home, "lanyard.sock")); errors.Is(err, fs.ErrNotExist) {
				return
			}
		}
		ts.Fatalf("it still runs after %v", patience)
	}
	ts.Fatalf("no node runs in the background")
}

func setTo(ts *testscript.TestScript, variable, file, pattern string) {
	m := regexp.MustCompile(pattern).FindStringSubmatch(ts.ReadFile(file))
	if m == nil {
		ts.Fatalf("%s has no %s", file, pattern)
	}
	ts.Setenv(variable, m[1])
}

// random FILE BYTES makes a file whose content follows from its name.
func random(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: random FILE BYTES")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	seed := fnv.New64()
	seed.Write([]byte(args[0]))
	source := rand.New(rand.NewPCG(seed.Sum64(), 0))
	data := make([]byte, 0, n+8)
	for len(data) < n {
		v := source.Uint64()
		data = append(data, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, data[:n], 0o644))
}

// blake3 FILE VARIABLE sets the variable to the file's BLAKE3 hash.
func hashOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: blake3 FILE VARIABLE")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	sum := blake3.Sum256(data)
	ts.Setenv(args[1], fmt.Sprintf("%x", sum))
}

// sametree A B compares two folders: names, content, executable bits and times.
func sameTree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sametree A B")
	}
	a, b := treeOf(ts, args[0]), treeOf(ts, args[1])
	if diff := cmp.Diff(a, b); diff != "" {
		ts.Fatalf("the folders differ (-%s +%s):\n%s", args[0], args[1], diff)
	}
	if len(a) == 0 {
		ts.Fatalf("the folders are empty")
	}
}

func treeOf(ts *testscript.TestScript, root string) map[string]string {
	root = ts.MkAbs(root)
	tree := map[string]string{}
	ts.Check(filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || rel == "." {
			return err
		}
		if entry.IsDir() {
			tree[rel] = "a folder"
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		tree[rel] = fmt.Sprintf("%x, executable %v, of %v", blake3.Sum256(data), info.Mode()&0o100 != 0, info.ModTime().UTC())
		return nil
	}))
	return tree
}
