package node

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"lanyard/internal/wire"
)

// bodyTime is how long the body of a request may take; a receipt, which is long,
// must only go on coming.
const bodyTime = headerTime

// inTime has a request's body come within bodyTime, whether or not its call reads
// it: else its connection breaks. All but what is sent about a share, where tickets
// are asked for first, is here before the call is answered, so that nobody's body
// waits as long as an answer does.
func inTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		control := http.NewResponseController(w)
		err := control.SetReadDeadline(time.Now().Add(bodyTime))
		if isShort := !strings.HasPrefix(r.URL.Path, "/v1/shares/"); isShort && err == nil {
			var body []byte
			if body, err = readBody(r); err == nil {
				err = control.SetReadDeadline(time.Time{}) // people may be asked before it is answered
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if err != nil {
			w.Header().Set("Connection", "close")
			wire.WriteError(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// readBody reads a body that is no longer than any of a short call.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > wire.MaxBody {
		return nil, errLongBody
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, wire.MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("%w: the body of the request did not come", wire.ErrMalformed)
	}
	if len(body) > wire.MaxBody {
		return nil, errLongBody
	}
	return body, nil
}

var errLongBody = fmt.Errorf("%w: a body of over %d bytes", wire.ErrTooLarge, wire.MaxBody)
