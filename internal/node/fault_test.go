package node

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// Of what net/http says only faults are told, on one line that is not too long.
func TestFaultsAreTold(t *testing.T) {
	var told []Event
	web := &http.Server{
		Handler:  http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(strings.Repeat("boom\n", maxFault)) }),
		ErrorLog: faultLog(func(ev Event) { told = append(told, ev) }),
	}
	web.ErrorLog.Print("http: TLS handshake error from 192.0.2.1:5: EOF")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan error)
	go func() { over <- web.Serve(l) }()
	if res, err := http.Get("http://" + l.Addr().String()); err == nil {
		res.Body.Close()
		t.Error(res.Status)
	}
	_ = web.Shutdown(t.Context())
	<-over
	if len(told) != 1 || told[0].Kind != KindWarning || !strings.Contains(told[0].Reason, "boom boom") || strings.Contains(told[0].Reason, "\n") ||
		len(told[0].Reason) > maxFault+100 {
		t.Errorf("%+v", told)
	}
}
