package web

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	// bodyTime is how long who asks may take to send a request's body.
	bodyTime = 30 * time.Second
	// uploadSilence is how long nothing may come of a file that is dropped onto the
	// page.
	uploadSilence = time.Minute
)

// Policy lets the page load and reach what is its own, and nothing be put around
// it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// A guard stands before all that the page's address answers.
type guard struct {
	names  []string // that this machine may be called by, beside its addresses
	origin *http.CrossOriginProtection
}

// newGuard takes requests to addresses and to these names.
func newGuard(names []string) *guard { return &guard{names, http.NewCrossOriginProtection()} }

// wrap lets through to next what comes from the page itself.
func (g *guard) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store") // unless somebody below knows better
		if !g.isOurs(r.Host) {
			http.Error(w, "this is not the address of a lanyard: open the page by the address that \"lanyard open\" shows",
				http.StatusMisdirectedRequest)
			return
		}
		isAPI := strings.HasPrefix(r.URL.Path, "/api/")
		if g.origin.Check(r) != nil || isAPI && isForeign(r) {
			errForeign.write(w)
			return
		}
		out := http.NewResponseController(w)
		if r.Body != nil && r.Body != http.NoBody {
			if isAPI && r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/api/v1/drops/") {
				r.Body = &timely{r.Body, func() time.Time { return time.Now().Add(uploadSilence) }, out}
			} else {
				end := time.Now().Add(bodyTime)
				r.Body = http.MaxBytesReader(w, &timely{r.Body, func() time.Time { return end }, out}, mostAsked(r.URL.Path))
			}
			// What nobody has read of it is read after the answer.
			defer func() { _ = out.SetReadDeadline(time.Now().Add(bodyTime)) }()
		}
		next.ServeHTTP(&patient{w, out}, r)
	})
}

// isOurs tells whether a request's host is a name of this machine. A page from
// elsewhere whose name is suddenly said to be an address of this machine would be
// of the same origin as what is served here; an address needs no name server.
func (g *guard) isOurs(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	name = strings.TrimSuffix(name, ".")
	for _, ours := range g.names {
		if ours != "" && strings.EqualFold(name, ours) {
			return true
		}
	}
	return false
}

// machineNames are what others on the network may call this machine.
func machineNames() []string {
	host, err := os.Hostname()
	if err != nil {
		return nil // then by its addresses
	}
	short, _, _ := strings.Cut(host, ".")
	return []string{host, short, short + ".local"}
}

// isForeign tells whether another page asks, whatever it asks for:
// CrossOriginProtection lets everybody read.
func isForeign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host != r.Host
}

// A timely body is one that must come in time.
type timely struct {
	io.ReadCloser
	until func() time.Time
	out   *http.ResponseController
}

// Read leaves no deadline behind: while a request is answered, the server reads
// on, and would take a deadline for the end of who asks.
func (b *timely) Read(p []byte) (int, error) {
	if err := b.out.SetReadDeadline(b.until()); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	if cleared := b.out.SetReadDeadline(time.Time{}); err == nil {
		err = cleared
	}
	return n, err
}

// A patient writer gives each write the time of patience, however late it comes:
// some questions wait for a person.
type patient struct {
	http.ResponseWriter
	out *http.ResponseController
}

func (w *patient) Write(p []byte) (int, error) {
	if err := w.out.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *patient) Unwrap() http.ResponseWriter { return w.ResponseWriter }
