package pairing

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lanyard/internal/wire"
)

// asker is the n-th device that asks, over a connection of its own.
func asker(n int) Encounter {
	e := Encounter{Purpose: ForOffer, Exporter: make([]byte, sha256.Size)}
	binary.BigEndian.PutUint64(e.Asker[:], uint64(n))
	binary.BigEndian.PutUint64(e.Exporter, uint64(n))
	return e
}

func addressOf(n int) string { return fmt.Sprintf("192.0.2.%d", n) }

// ask has the n-th device ask from an address of its own.
func ask(a *Answerer, n int, broken func()) (*Answer, []byte, error) {
	na := NewNonce()
	e := asker(n)
	answer, err := a.Answer(e, addressOf(n), e.Commitment(na), broken)
	return answer, na, err
}

func never(t *testing.T) func() { return func() { t.Error("taken for broken off") } }

func TestAnswerer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAnswerer()
		answer, na, err := ask(a, 1, never(t))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(OpenWithin - 1)
		words, err := answer.Open(na)
		if err != nil || words != asker(1).Words(na, answer.Nonce()) {
			t.Errorf("%q, %v", words, err)
		}
		if _, err := answer.Open(na); !errors.Is(err, wire.ErrExpired) {
			t.Errorf("opened twice: %v", err)
		}
		time.Sleep(2 * OpenWithin)
	})
}

func TestAnswererEndsWhatIsNotOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, broken := NewAnswerer(), 0
		answer, na, err := ask(a, 1, func() { broken++ })
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(OpenWithin + 1)
		synctest.Wait()
		if broken != 1 {
			t.Errorf("broken off %d times", broken)
		}
		if _, err := answer.Open(na); !errors.Is(err, wire.ErrExpired) {
			t.Errorf("opened late: %v", err)
		}
		wrong, _, err := ask(a, 1, never(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wrong.Open(NewNonce()); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("another nonce: %v", err)
		}
		ended, na, err := ask(a, 1, never(t))
		if err != nil {
			t.Fatal(err)
		}
		if !ended.End() || ended.End() {
			t.Error("it is not ended once")
		}
		if _, err := ended.Open(na); !errors.Is(err, wire.ErrExpired) {
			t.Errorf("opened when it was over: %v", err)
		}
		time.Sleep(2 * OpenWithin)
	})
}

func TestAnswererBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAnswerer()
		try := func(n int, address string) error {
			e := asker(n)
			_, err := a.Answer(e, address, e.Commitment(NewNonce()), func() {})
			return err
		}
		for what, commitment := range map[string][]byte{"none": nil, "short": make([]byte, 31), "long": make([]byte, 33)} {
			if _, err := a.Answer(asker(9), addressOf(9), commitment, never(t)); !errors.Is(err, wire.ErrMalformed) {
				t.Errorf("a commitment that is %s: %v", what, err)
			}
		}
		if err := try(1, addressOf(1)); err != nil {
			t.Fatal(err)
		}
		if err := try(1, addressOf(2)); !errors.Is(err, wire.ErrBusy) {
			t.Errorf("one device twice: %v", err)
		}
		if err := try(2, addressOf(1)); !errors.Is(err, wire.ErrBusy) {
			t.Errorf("one address twice: %v", err)
		}
		for n := 2; n <= MaxUnopened; n++ {
			if err := try(n, addressOf(n)); err != nil {
				t.Errorf("number %d: %v", n, err)
			}
		}
		if err := try(5, addressOf(5)); !errors.Is(err, wire.ErrBusy) {
			t.Errorf("one more than %d: %v", MaxUnopened, err)
		}
		time.Sleep(OpenWithin + 1)
		synctest.Wait()
		if err := try(5, addressOf(5)); err != nil {
			t.Errorf("when the others are over: %v", err)
		}
	})
}

// Nonces are given at a rate, whatever becomes of them.
func TestAnswererSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if given := len(grind(NewAnswerer(), 0)); given != drawBurst {
			t.Errorf("%d at once, want %d", given, drawBurst)
		}
		const long = time.Minute
		if given, want := len(grind(NewAnswerer(), long)), drawBurst+int(long/drawEvery); given != want {
			t.Errorf("%d in %v, want %d", given, long, want)
		}
	})
}

// A drawn pair of nonces is one that somebody between has with the answerer.
type drawn struct{ na, nb []byte }

// grind gets as many nonces of the answerer as there are to be had within a time,
// with keys and addresses without end: it breaks off at once each time.
func grind(a *Answerer, within time.Duration) (all []drawn) {
	for n, end := 1, time.Now().Add(within); ; n++ {
		answer, na, err := ask(a, n, func() {})
		switch {
		case err == nil:
			all = append(all, drawn{na, answer.Nonce()})
			_, _ = answer.Open(NewNonce()) // a wrong one, which makes room for the next
		case !time.Now().Before(end):
			return all
		default:
			time.Sleep(drawEvery / 4)
		}
	}
}

// Somebody between two devices, who holds, opens and breaks off what it likes,
// gets the same words on both screens no oftener than the documents say: for each
// pair of a nonce that the asker opened and one that the answerer gave once in all
// the words that there are. Here there are 256.
func TestBetweenWinsAsOftenAsSaid(t *testing.T) {
	list := []string{"anvil", "moss", "river", "seven"}
	const all = 4 * 4 * 4 * 4
	const acts, looking = 800, 20 * time.Second
	words := func(e Encounter, d drawn) string {
		return strings.Join(draw(list, e.seed(d.na, d.nb)), "-")
	}
	for _, test := range []struct {
		name   string
		opened int // nonces of the asker: it lets the act begin again so often
	}{
		{"the asker is held, the answerer tried", 1},
		{"what the answerer shows is held, the asker tried", MaxOpened},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wins, pairs := 0, 0
				for act := range acts {
					far := map[string]bool{}
					got := grind(NewAnswerer(), looking)
					for n, d := range got {
						far[words(asker(n), d)] = true
					}
					pairs += test.opened * len(got)
					isWon := false
					for range test.opened {
						// What it answers the asker it may choose by all that it knows, which is
						// not the nonce that the asker is bound to.
						nb := make([]byte, wire.NonceSize)
						binary.BigEndian.PutUint64(nb, rand.Uint64())
						isWon = isWon || far[words(asker(-1-act), drawn{NewNonce(), nb})]
					}
					if isWon {
						wins++
					}
				}
				perAct := float64(pairs) / acts
				if want := float64(test.opened) * (drawBurst + float64(looking/drawEvery)); perAct != want {
					t.Fatalf("%v pairs an act, want %v", perAct, want)
				}
				chance := 1 - math.Pow(1-1.0/all, perAct)
				spread := 5 * math.Sqrt(chance*(1-chance)/acts)
				rate := float64(wins) / acts
				t.Logf("%d of %d acts are won, %.4f of them; said are at most %.4f (%v pairs of 256 each)", wins, acts, rate, perAct/all, perAct)
				if math.Abs(rate-chance) > spread {
					t.Errorf("won %.4f, want %.4f within %.4f", rate, chance, spread)
				}
			})
		})
	}
}
