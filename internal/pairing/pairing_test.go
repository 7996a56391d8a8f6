package pairing

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lanyard/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testCode = Code{Number: 7, Secret: "river-anvil-moss"}

func testChannel() Channel {
	return Channel{
		Receiver: []byte("the receiver's certificate"),
		Sender:   []byte("the sender's certificate"),
		Exporter: bytes.Repeat([]byte{0x2a}, exporterSize),
	}
}

// attempt pairs a receiver that has code over channel r with guard over s.
func attempt(guard *Guard, code Code, r, s Channel) error {
	receiver, ya, err := Begin(code, r)
	if err != nil {
		return err
	}
	session, yb, err := guard.Start(s, ya)
	if err != nil {
		return err
	}
	tag, err := receiver.Answer(yb)
	if err != nil {
		return err
	}
	senderTag, err := session.Confirm(tag)
	if err != nil {
		return err
	}
	return receiver.Verify(senderTag)
}

func TestBothSidesAgree(t *testing.T) {
	code, err := NewCode(7)
	if err != nil {
		t.Fatal(err)
	}
	if err := attempt(NewGuard(code), code, testChannel(), testChannel()); err != nil {
		t.Error(err)
	}
}

// testdata/run.json is one whole run, for whoever writes a second
// implementation: its CI, ISK and tags were computed apart from this code.
func TestRunVector(t *testing.T) {
	var v struct {
		Code string
		Hex  map[string]hexBytes
	}
	loadJSON(t, "testdata/run.json", &v)
	code, err := ParseCode(v.Code)
	if err != nil {
		t.Fatal(err)
	}
	channel := Channel{Receiver: v.Hex["receiver"], Sender: v.Hex["sender"], Exporter: v.Hex["exporter"]}
	in, err := channel.input(code)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "PRS", in.prs, v.Hex["PRS"])
	equal(t, "CI", in.ci, v.Hex["CI"])
	equal(t, "sid", in.sid, v.Hex["sid"])
	equal(t, "ADa", in.ada, v.Hex["ADa"])
	equal(t, "ADb", in.adb, v.Hex["ADb"])
	equal(t, "generator", in.generator().Encode(nil), v.Hex["generator"])
	ya, yb := mustScalar(t, v.Hex["ya"]), mustScalar(t, v.Hex["yb"])
	equal(t, "Ya", in.share(ya), v.Hex["Ya"])
	equal(t, "Yb", in.share(yb), v.Hex["Yb"])
	k, err := scalarMultVerify(yb, v.Hex["Ya"])
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "K", k, v.Hex["K"])
	isk, err := in.isk(ya, v.Hex["Yb"], v.Hex["Ya"], v.Hex["Yb"])
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "ISK", isk, v.Hex["ISK"])
	ta, tb := in.tags(isk, v.Hex["Ya"], v.Hex["Yb"])
	equal(t, "Ta", ta, v.Hex["Ta"])
	equal(t, "Tb", tb, v.Hex["Tb"])
}

func TestWrongCode(t *testing.T) {
	for _, wrong := range []Code{
		{Number: 7, Secret: "river-anvil-mossy"},
		{Number: 8, Secret: "river-anvil-moss"}, // the number is part of the proof
		{Number: 7, Secret: "anvil-river-moss"},
	} {
		err := attempt(NewGuard(testCode), wrong, testChannel(), testChannel())
		if !errors.Is(err, wire.ErrUnauthorised) {
			t.Errorf("%s: %v", wrong.String(), err)
		}
	}
}

// One who relays between two honest sides has two TLS connections, whose
// certificates and exporters differ.
func TestManInTheMiddle(t *testing.T) {
	for name, change := range map[string]func(*Channel){
		"sender's certificate":   func(c *Channel) { c.Sender = []byte("another") },
		"receiver's certificate": func(c *Channel) { c.Receiver = []byte("another") },
		"TLS session":            func(c *Channel) { c.Exporter = bytes.Repeat([]byte{0x2b}, exporterSize) },
		"roles":                  func(c *Channel) { c.Receiver, c.Sender = c.Sender, c.Receiver },
	} {
		other := testChannel()
		change(&other)
		if err := attempt(NewGuard(testCode), testCode, testChannel(), other); !errors.Is(err, wire.ErrUnauthorised) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A machine that sends to itself has one certificate at both ends.
func TestOneCertificateAtBothEnds(t *testing.T) {
	c := testChannel()
	c.Sender = c.Receiver
	if err := attempt(NewGuard(testCode), testCode, c, c); err != nil {
		t.Error(err)
	}
}

func TestIncompleteChannel(t *testing.T) {
	for name, change := range map[string]func(*Channel){
		"no receiver":    func(c *Channel) { c.Receiver = nil },
		"no sender":      func(c *Channel) { c.Sender = nil },
		"no exporter":    func(c *Channel) { c.Exporter = nil },
		"short exporter": func(c *Channel) { c.Exporter = c.Exporter[1:] },
	} {
		c := testChannel()
		change(&c)
		if _, _, err := Begin(testCode, c); err == nil {
			t.Errorf("%s: begun", name)
		}
		_, ya, err := Begin(testCode, testChannel())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := NewGuard(testCode).Start(c, ya); err == nil {
			t.Errorf("%s: started", name)
		}
	}
}

// An empty code must never pair, not even with another empty code.
func TestEmptyCode(t *testing.T) {
	if _, _, err := Begin(Code{}, testChannel()); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("receiver: %v", err)
	}
	_, ya, err := Begin(testCode, testChannel())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := NewGuard(Code{}).Start(testChannel(), ya); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("sender: %v", err)
	}
}

// Codes put together by hand pair as if they had been parsed.
func TestCodeByHand(t *testing.T) {
	loud := Code{Number: 7, Secret: "RIVER anvil_moss "}
	if err := attempt(NewGuard(loud), testCode, testChannel(), testChannel()); err != nil {
		t.Error(err)
	}
}

func TestBadShareFromSender(t *testing.T) {
	for name, yb := range badShares(t) {
		r, _, err := Begin(testCode, testChannel())
		if err != nil {
			t.Fatal(err)
		}
		if tag, err := r.Answer(yb); !errors.Is(err, wire.ErrMalformed) || tag != nil {
			t.Errorf("%s: %x, %v", name, tag, err)
		}
		if err := r.Verify(make([]byte, tagSize)); err == nil {
			t.Errorf("%s: verified after that", name)
		}
	}
}

// A false sender that knows nothing can only send back what it got.
func TestReflection(t *testing.T) {
	r, ya, err := Begin(testCode, testChannel())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Answer(ya); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("own share taken: %v", err)
	}

	r, ya, err = Begin(testCode, testChannel())
	if err != nil {
		t.Fatal(err)
	}
	session, yb, err := NewGuard(testCode).Start(testChannel(), ya)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := r.Answer(yb)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(tag); !errors.Is(err, wire.ErrUnauthorised) {
		t.Errorf("own tag taken: %v", err)
	}
	senderTag, err := session.Confirm(tag)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(senderTag, tag) {
		t.Error("both sides have one tag")
	}
}

// Even if own shares were not refused: equal shares make no equal tags.
func TestTagsDifferForEqualShares(t *testing.T) {
	in, err := testChannel().input(testCode)
	if err != nil {
		t.Fatal(err)
	}
	share := in.share(newScalar())
	if ta, tb := in.tags([]byte("isk"), share, share); bytes.Equal(ta, tb) {
		t.Error("a tag that serves both ways")
	}
}

// Messages of one run are worth nothing in another.
func TestReplay(t *testing.T) {
	guard := NewGuard(testCode)
	r, ya, err := Begin(testCode, testChannel())
	if err != nil {
		t.Fatal(err)
	}
	session, yb, err := guard.Start(testChannel(), ya)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := r.Answer(yb)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Confirm(tag); err != nil {
		t.Fatal(err)
	}
	again, _, err := guard.Start(testChannel(), ya)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Confirm(tag); !errors.Is(err, wire.ErrUnauthorised) {
		t.Errorf("an old tag was taken: %v", err)
	}
}

func TestReceiverOutOfOrder(t *testing.T) {
	r, ya, err := Begin(testCode, testChannel())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(nil); err == nil {
		t.Error("verified before the answer")
	}
	session, yb, err := NewGuard(testCode).Start(testChannel(), ya)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := r.Answer(yb)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Answer(yb); err == nil {
		t.Error("the private key served twice")
	}
	senderTag, err := session.Confirm(tag)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][]byte{nil, senderTag[:tagSize-1], append(bytes.Clone(senderTag), 0)} {
		one := *r
		if err := one.Verify(wrong); !errors.Is(err, wire.ErrUnauthorised) {
			t.Errorf("tag of %d bytes: %v", len(wrong), err)
		}
	}
	if err := r.Verify(senderTag); err != nil {
		t.Error(err)
	}
	if err := r.Verify(senderTag); err == nil {
		t.Error("verified twice")
	}
}

// Over real TLS connections: the two ends of one agree, the ends of two do not.
func TestChannelOfTLS(t *testing.T) {
	receiverCert, senderCert := certificate(t), certificate(t)
	connect := func() (receiver, sender Channel) {
		clientEnd, serverEnd := net.Pipe()
		client := tls.Client(clientEnd, &tls.Config{Certificates: []tls.Certificate{receiverCert}, InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
		server := tls.Server(serverEnd, &tls.Config{
			Certificates: []tls.Certificate{senderCert}, ClientAuth: tls.RequireAnyClientCert,
			MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
		})
		done := make(chan error, 1)
		go func() { done <- server.Handshake() }()
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = clientEnd.Close(); _ = serverEnd.Close() })
		c, s := client.ConnectionState(), server.ConnectionState()
		receiver, err := ChannelOf(c, receiverCert.Certificate[0], c.PeerCertificates[0].Raw)
		if err != nil {
			t.Fatal(err)
		}
		sender, err = ChannelOf(s, s.PeerCertificates[0].Raw, senderCert.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return receiver, sender
	}
	r1, s1 := connect()
	_, s2 := connect()
	if err := attempt(NewGuard(testCode), testCode, r1, s1); err != nil {
		t.Error(err)
	}
	if err := attempt(NewGuard(testCode), testCode, r1, s2); !errors.Is(err, wire.ErrUnauthorised) {
		t.Errorf("paired across two connections: %v", err)
	}
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func BenchmarkPair(b *testing.B) {
	guard := NewGuard(testCode)
	for b.Loop() {
		if err := attempt(guard, testCode, testChannel(), testChannel()); err != nil {
			b.Fatal(err)
		}
	}
}
