package web

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"
)

// A refused is what the page is answered instead of a result, in the form of
// wire's errors, where it is a matter of the page alone: signing in, and where
// requests come from.
type refused struct {
	status  int
	code    string
	message string
	remedy  string
	after   time.Duration // until another try makes sense; 0: not said
}

func (e refused) Error() string { return e.message }

var (
	errSignedOut = refused{
		status: http.StatusUnauthorized, code: "unauthorised", message: "nobody is signed in", remedy: "Sign in.",
	}
	errWrongPassword = refused{
		status: http.StatusUnauthorized, code: "unauthorised", message: "name or password is wrong",
		remedy: "On the machine that lanyard runs on, \"lanyard user passwd\" sets another password.",
	}
	errWrongLink = refused{
		status: http.StatusUnauthorized, code: "unauthorised", message: "the link serves no more",
		remedy: "On the machine that lanyard runs on, \"lanyard open\" makes a new one.",
	}
	errHaveAccount = refused{
		status: http.StatusConflict, code: "account_exists", message: "there is an account already", remedy: "Sign in.",
	}
	errForeign = refused{
		status: http.StatusForbidden, code: "foreign_origin", message: "another page asks, which may not",
		remedy: "Open the page by its own address.",
	}
)

// slowDown refuses an attempt that comes too soon.
func slowDown(after time.Duration) refused {
	return refused{
		status: http.StatusTooManyRequests, code: "slow_down", message: "too many attempts",
		remedy: fmt.Sprintf("Try again in %v.", after.Round(time.Second)), after: after,
	}
}

func (e refused) write(w http.ResponseWriter) {
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Remedy  string `json:"remedy,omitempty"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message, body.Error.Remedy = e.code, e.message, e.remedy
	w.Header().Set("Content-Type", "application/json")
	if e.after > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(math.Ceil(e.after.Seconds()))))
	}
	w.WriteHeader(e.status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the caller has gone
}
