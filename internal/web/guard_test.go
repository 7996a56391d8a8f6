package web

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What is sent is bounded, but for files.
func TestBodies(t *testing.T) {
	for _, c := range []struct {
		method, path string
		size         int
		want         bool
	}{
		{"POST", "/api/v1/transfers", maxAsked, true},
		{"POST", "/api/v1/transfers", maxAsked + 1, false},
		{"PUT", "/api/v1/limits", maxAsked + 1, false},
		{"POST", "/api/v1/drops/", maxAsked + 1, false},
		{"POST", "/api/v1/drops", maxDropAsked, true},
		{"POST", "/api/v1/drops", maxDropAsked + 1, false},
		{"PUT", "/api/v1/drops/a/files/0", maxAsked + 1, true},
		{"PUT", "/v1/drops/a/files/0", maxAsked + 1, false},
		{"POST", "/", maxAsked + 1, false},
	} {
		read, err := int64(0), error(nil)
		server := httptest.NewServer(newGuard(nil).wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			read, err = io.Copy(io.Discard, r.Body)
		})))
		r, failed := http.NewRequest(c.method, server.URL+c.path, strings.NewReader(strings.Repeat("x", c.size)))
		if failed != nil {
			t.Fatal(failed)
		}
		if res, failed := http.DefaultClient.Do(r); failed == nil {
			res.Body.Close()
		} else if c.want {
			t.Error(failed)
		}
		server.Close()
		var large *http.MaxBytesError
		if c.want && (err != nil || read != int64(c.size)) || !c.want && !errors.As(err, &large) {
			t.Errorf("%s %s with %d bytes: %d, %v", c.method, c.path, c.size, read, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// clocked notes the deadlines that it is given.
type clocked struct {
	*httptest.ResponseRecorder
	read, write []time.Time
}

func (c *clocked) SetReadDeadline(at time.Time) error  { c.read = append(c.read, at); return nil }
func (c *clocked) SetWriteDeadline(at time.Time) error { c.write = append(c.write, at); return nil }

// A body must come in time. Its deadline goes with it: what waits for a person
// after it is not broken off; and an answer has its time when it comes.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for path, most := range map[string]time.Duration{"/api/v1/trust": bodyTime, "/api/v1/drops/a/files/0": time.Hour + uploadSilence} {
			w := &clocked{ResponseRecorder: httptest.NewRecorder()}
			began := time.Now()
			newGuard(nil).wrap(http.HandlerFunc(func(w2 http.ResponseWriter, r *http.Request) {
				p := make([]byte, 1)
				if _, err := r.Body.Read(p); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Hour)
				if _, err := r.Body.Read(p); err != nil {
					t.Error(err)
				}
				if len(w.read) != 4 || !w.read[1].IsZero() || !w.read[3].IsZero() || w.read[2].Sub(began) != most {
					t.Errorf("%s: %v from %v", path, w.read, began)
				}
				time.Sleep(time.Hour)
				_, _ = io.WriteString(w2, "{}")
			})).ServeHTTP(w, httptest.NewRequest("PUT", "http://127.0.0.1"+path, strings.NewReader("{}")))
			if len(w.write) != 1 || w.write[0].Sub(began) != 2*time.Hour+patience {
				t.Errorf("%s: %v from %v", path, w.write, began)
			}
			// What was not read is read after the answer, but not for ever.
			if last := w.read[len(w.read)-1]; last.Sub(began) != 2*time.Hour+bodyTime {
				t.Errorf("%s: %v", path, w.read)
			}
		}
	})
}
