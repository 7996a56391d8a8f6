package pairing

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/gtank/ristretto255"

	"lanyard/internal/wire"
)

// hexBytes reads itself from hexadecimal in JSON.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func loadJSON(t *testing.T, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// draftVectors is testdata/cpace-ristretto255-sha512.json; its field "source"
// tells where it is from.
type draftVectors struct {
	LvCat []struct {
		Parts  []hexBytes
		Result hexBytes
	} `json:"lv_cat"`
	// Keys "ya" and "Ya" differ in case only, which encoding/json does not
	// keep apart in a struct.
	Run     map[string]hexBytes
	Valid   map[string]hexBytes
	Invalid []hexBytes
}

func loadDraft(t *testing.T) draftVectors {
	t.Helper()
	var v draftVectors
	loadJSON(t, "testdata/cpace-ristretto255-sha512.json", &v)
	return v
}

func mustScalar(t *testing.T, b []byte) scalar {
	t.Helper()
	s := ristretto255.NewScalar()
	if err := s.Decode(b); err != nil {
		t.Fatal(err)
	}
	return s
}

func equal(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if len(want) == 0 {
		t.Errorf("%s: no vector", what)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %x\nwant %x", what, got, want)
	}
}

func TestDraftStrings(t *testing.T) {
	vectors := loadDraft(t).LvCat
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors {
		var parts [][]byte
		for _, p := range v.Parts {
			parts = append(parts, p)
		}
		equal(t, "lv_cat", lvCat(parts...), v.Result)
	}
}

func TestDraftRun(t *testing.T) {
	v := loadDraft(t).Run
	in := input{prs: v["PRS"], ci: v["CI"], sid: v["sid"], ada: v["ADa"], adb: v["ADb"]}
	equal(t, "generator_string", in.generatorString(), v["generator_string"])
	equal(t, "generator", in.generator().Encode(nil), v["g"])

	ya, yb := mustScalar(t, v["ya"]), mustScalar(t, v["yb"])
	equal(t, "Ya", in.share(ya), v["Ya"])
	equal(t, "Yb", in.share(yb), v["Yb"])

	for _, side := range []struct {
		name  string
		y     scalar
		other []byte
	}{{"initiator", ya, v["Yb"]}, {"responder", yb, v["Ya"]}} {
		k, err := scalarMultVerify(side.y, side.other)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "K of the "+side.name, k, v["K"])
		isk, err := in.isk(side.y, side.other, v["Ya"], v["Yb"])
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "ISK of the "+side.name, isk, v["ISK"])
	}
}

func TestDraftPoints(t *testing.T) {
	v := loadDraft(t)
	s := mustScalar(t, v.Valid["s"])
	got, err := scalarMultVerify(s, v.Valid["X"])
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "valid point", got, v.Valid["result"])
	if len(v.Invalid) == 0 {
		t.Fatal("no invalid points")
	}
	for _, p := range v.Invalid {
		if got, err := scalarMultVerify(s, p); !errors.Is(err, wire.ErrMalformed) || got != nil {
			t.Errorf("%x: got %x, %v", p, got, err)
		}
	}
}

// badShares are no public shares: of the wrong length, not canonical, negative,
// not on the curve, or of low order (all of which a ristretto255 decoder takes
// for invalid or for the neutral element; RFC 9496, appendix A.3).
func badShares(t *testing.T) map[string][]byte {
	t.Helper()
	h := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	zero := make([]byte, 32)
	base := ristretto255.NewElement().Base().Encode(nil)
	order8 := h("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
	return map[string][]byte{
		"empty":               {},
		"neutral element":     zero,
		"too short":           base[:31],
		"too long":            append(bytes.Clone(base), 0),
		"one, of order 1":     append([]byte{1}, zero[1:]...),
		"p, not canonical":    h("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"p-1, of order 2":     h("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"top bit set":         append(bytes.Clone(base[:31]), base[31]|0x80),
		"zero, top bit set":   append(bytes.Clone(zero[:31]), 0x80),
		"of order 8":          order8,
		"negative":            h("0100000000000000000000000000000000000000000000000000000000000000"),
		"not a square":        h("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371"),
		"all ones":            bytes.Repeat([]byte{0xff}, 32),
		"negative xy product": h("3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e"),
	}
}

func TestBadShares(t *testing.T) {
	s := newScalar()
	for name, share := range badShares(t) {
		if _, err := decodeShare(share); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := scalarMultVerify(s, share); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A scalar of zero makes the neutral element of any share, which is refused.
func TestZeroScalar(t *testing.T) {
	share := ristretto255.NewElement().Base().Encode(nil)
	if k, err := scalarMultVerify(ristretto255.NewScalar(), share); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("got %x, %v", k, err)
	}
}

func TestScalarsDiffer(t *testing.T) {
	a, b := newScalar(), newScalar()
	if a.Equal(b) == 1 || a.Equal(ristretto255.NewScalar()) == 1 {
		t.Error("two runs with one key")
	}
}

// The first block of what is hashed must not depend on the code's length.
func TestGeneratorStringFillsFirstBlock(t *testing.T) {
	for _, n := range []int{0, 1, 8, 40, 107, 108, 109, 110, 111, 127, 128, 129, 300} {
		in := input{prs: make([]byte, n), ci: []byte("ci"), sid: []byte("sid")}
		head := len(in.generatorString()) - len(lvCat(in.ci, in.sid))
		if want := max(hashBlock, len(lvCat([]byte(dsi), in.prs, nil))); head != want {
			t.Errorf("PRS of %d bytes: %d bytes before CI, want %d", n, head, want)
		}
	}
}
