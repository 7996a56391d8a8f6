package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// An outcome is what each side of a handshake saw.
type outcome struct {
	client, server       tls.ConnectionState
	clientErr, serverErr error
	readErr              error // of the client's first Read after its handshake
}

func shake(t *testing.T, client, server *tls.Config) outcome {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	a, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	var o outcome
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer b.Close()
		s := tls.Server(b, server)
		if o.serverErr = s.Handshake(); o.serverErr != nil {
			return
		}
		o.server = s.ConnectionState()
		_, _ = s.Write([]byte("hello"))
	}()
	c := tls.Client(a, client)
	if o.clientErr = c.Handshake(); o.clientErr == nil {
		o.client = c.ConnectionState()
		_, o.readErr = io.ReadFull(c, make([]byte, 5))
	}
	a.Close()
	<-done
	return o
}

// with makes an identity from a key, with a certificate of the given dates.
func with(t *testing.T, key *ecdsa.PrivateKey, from, until time.Time) *Identity {
	t.Helper()
	der, err := selfSign(key, from, until)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	id, err := idOf(leaf)
	if err != nil {
		t.Fatal(err)
	}
	return &Identity{cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, id: id}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestBothSidesKnowEachOther(t *testing.T) {
	a, b := create(t), create(t)
	for name, config := range map[string]*tls.Config{"pinned": a.ClientConfig(b.ID()), "any": a.ClientConfigAny()} {
		o := shake(t, config, b.ServerConfig(ALPN))
		if o.clientErr != nil || o.serverErr != nil || o.readErr != nil {
			t.Fatalf("%s: %v, %v, %v", name, o.clientErr, o.serverErr, o.readErr)
		}
		if got, err := PeerID(o.client); got != b.ID() || err != nil {
			t.Errorf("%s: the client sees %s, %v", name, got, err)
		}
		if got, err := PeerID(o.server); got != a.ID() || err != nil {
			t.Errorf("%s: the server sees %s, %v", name, got, err)
		}
		if o.server.Version != tls.VersionTLS13 || o.server.NegotiatedProtocol != ALPN || o.server.DidResume {
			t.Errorf("%s: %x, %q, resumed %v", name, o.server.Version, o.server.NegotiatedProtocol, o.server.DidResume)
		}
	}
}

func TestWrongDevice(t *testing.T) {
	a, b, c := create(t), create(t), create(t)
	o := shake(t, a.ClientConfig(c.ID()), b.ServerConfig(ALPN))
	var wrong *WrongDeviceError
	if !errors.Is(o.clientErr, ErrWrongDevice) || !errors.As(o.clientErr, &wrong) {
		t.Fatalf("got %v", o.clientErr)
	}
	if wrong.Want != c.ID() || wrong.Got != b.ID() {
		t.Errorf("want %s got %s", wrong.Want, wrong.Got)
	}
	for _, id := range []DeviceID{b.ID(), c.ID()} {
		if !strings.Contains(o.clientErr.Error(), id.Short()) {
			t.Errorf("%q does not name %s", o.clientErr, id.Short())
		}
	}
	if o.serverErr == nil {
		t.Error("the server was not told")
	}
}

// The same certificate text with another key is another device.
func TestReplacedKey(t *testing.T) {
	from := time.Now()
	old, replaced := with(t, newKey(t), from, noExpiry), with(t, newKey(t), from, noExpiry)
	o := shake(t, create(t).ClientConfig(old.ID()), replaced.ServerConfig(ALPN))
	if !errors.Is(o.clientErr, ErrWrongDevice) {
		t.Errorf("got %v", o.clientErr)
	}
}

func TestDatesDoNotMatter(t *testing.T) {
	now := time.Now()
	for name, dates := range map[string][2]time.Time{
		"expired":   {now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0)},
		"to come":   {now.AddDate(1, 0, 0), now.AddDate(2, 0, 0)},
		"turned":    {now.AddDate(1, 0, 0), now.AddDate(-1, 0, 0)},
		"no expiry": {now, noExpiry},
	} {
		key := newKey(t)
		a, b := with(t, key, dates[0], dates[1]), create(t)
		if a.ID() != with(t, key, now, noExpiry).ID() {
			t.Errorf("%s: a new certificate changed the ID", name)
		}
		if o := shake(t, b.ClientConfig(a.ID()), a.ServerConfig(ALPN)); o.clientErr != nil || o.readErr != nil {
			t.Errorf("%s server: %v, %v", name, o.clientErr, o.readErr)
		}
		if o := shake(t, a.ClientConfig(b.ID()), b.ServerConfig(ALPN)); o.serverErr != nil || o.readErr != nil {
			t.Errorf("%s client: %v, %v", name, o.serverErr, o.readErr)
		}
	}
}

func TestOnlyLanyardIsAskedForACertificate(t *testing.T) {
	server := create(t).ServerConfig(ALPN)
	for _, c := range []struct {
		offer, agreed string
		asked         bool
	}{
		{ALPN, ALPN, true},
		{"http/1.1", "http/1.1", false},
		{"", "", false},
	} {
		asked := false
		client := &tls.Config{
			InsecureSkipVerify: true,
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				asked = true
				return &tls.Certificate{}, nil
			},
		}
		if c.offer != "" {
			client.NextProtos = []string{c.offer}
		}
		o := shake(t, client, server)
		if o.clientErr != nil || o.serverErr != nil || o.readErr != nil {
			t.Errorf("%q: %v, %v, %v", c.offer, o.clientErr, o.serverErr, o.readErr)
		}
		if asked != c.asked || o.server.NegotiatedProtocol != c.agreed {
			t.Errorf("%q: asked %v, agreed on %q", c.offer, asked, o.server.NegotiatedProtocol)
		}
		if _, err := PeerID(o.server); !errors.Is(err, ErrNoCertificate) {
			t.Errorf("%q: %v", c.offer, err)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	a := create(t)
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}
	if o := shake(t, old, a.ServerConfig(ALPN)); o.serverErr == nil {
		t.Error("the server took TLS 1.2")
	}
	server := a.ServerConfig(ALPN)
	server.MinVersion, server.MaxVersion = 0, tls.VersionTLS12
	server.GetConfigForClient = nil
	if o := shake(t, a.ClientConfigAny(), server); o.clientErr == nil {
		t.Error("the client took TLS 1.2")
	}
}

func TestOtherServerIsNotLanyard(t *testing.T) {
	a, b := create(t), create(t)
	server := b.ServerConfig(ALPN)
	server.NextProtos, server.GetConfigForClient = nil, nil
	if o := shake(t, a.ClientConfigAny(), server); !errors.Is(o.clientErr, ErrNotLanyard) {
		t.Errorf("got %v", o.clientErr)
	}
}

func TestOnlyP256(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, ed.Public(), ed)
	if err != nil {
		t.Fatal(err)
	}
	a := create(t)
	odd := &Identity{cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: ed}}

	if o := shake(t, a.ClientConfigAny(), odd.ServerConfig(ALPN)); !errors.Is(o.clientErr, ErrKeyKind) {
		t.Errorf("client: %v", o.clientErr)
	}
	o := shake(t, odd.ClientConfig(a.ID()), a.ServerConfig(ALPN))
	if !errors.Is(o.serverErr, ErrKeyKind) {
		t.Errorf("server: %v", o.serverErr)
	}
	if o.clientErr != nil || o.readErr == nil {
		t.Errorf("the client was told %v, then %v", o.clientErr, o.readErr)
	}
}
