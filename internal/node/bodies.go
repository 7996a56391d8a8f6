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
			// Who reads it says what is wrong with one that is too long.
			if body, err = io.ReadAll(io.LimitReader(r.Body, wire.MaxBody+1)); err == nil && len(body) <= wire.MaxBody {
				err = control.SetReadDeadline(time.Time{}) // people may be asked before it is answered
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if err != nil {
			w.Header().Set("Connection", "close")
			wire.WriteError(w, fmt.Errorf("%w: the body of the request did not come", wire.ErrMalformed))
			return
		}
		next.ServeHTTP(w, r)
	})
}
