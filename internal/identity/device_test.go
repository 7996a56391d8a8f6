package identity

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawID(t *rapid.T) DeviceID {
	return DeviceID(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "id"))
}

// The text form is in users' files: it must not change.
func TestDeviceIDText(t *testing.T) {
	var id DeviceID
	for i := range id {
		id[i] = byte(i)
	}
	const want = "aaaqeay-eaudaoc-ajbifqy-diob4ib-ceqtcqk-rmfyyde-nbwha5d-yp5mx2n"
	if got := id.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := id.Short(); got != "aaaqeay" {
		t.Errorf("short: %s", got)
	}
}

func TestDeviceIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := drawID(t)
		text := id.String()
		for _, form := range []string{text, strings.ToUpper(text), strings.ReplaceAll(text, "-", ""), strings.ReplaceAll(text, "-", " ")} {
			if got, err := ParseDeviceID(form); err != nil || got != id {
				t.Fatalf("%q: %v, %v", form, got, err)
			}
		}
		if !strings.HasPrefix(text, id.Short()+"-") {
			t.Fatalf("%s does not start with %s", text, id.Short())
		}
	})
}

func TestDeviceIDTypos(t *testing.T) {
	const digits = "abcdefghijklmnopqrstuvwxyz2345670189.é"
	rapid.Check(t, func(t *rapid.T) {
		text := []rune(strings.ReplaceAll(drawID(t).String(), "-", ""))
		i := rapid.IntRange(0, len(text)-1).Draw(t, "place")
		bad := rapid.SampledFrom([]rune(digits)).Filter(func(r rune) bool { return r != text[i] }).Draw(t, "digit")
		switch rapid.IntRange(0, 2).Draw(t, "mistake") {
		case 0:
			text[i] = bad
		case 1:
			text = append(text[:i], text[i+1:]...)
		case 2:
			text = append(text[:i], append([]rune{bad}, text[i:]...)...)
		}
		if _, err := ParseDeviceID(string(text)); !errors.Is(err, ErrDeviceID) {
			t.Fatalf("%q: %v", string(text), err)
		}
	})
}

func TestDeviceIDJSON(t *testing.T) {
	id := DeviceID{1, 2, 3}
	text, err := json.Marshal(map[DeviceID]DeviceID{id: id})
	if err != nil {
		t.Fatal(err)
	}
	var back map[DeviceID]DeviceID
	if err := json.Unmarshal(text, &back); err != nil || back[id] != id {
		t.Fatalf("%s: %v, %v", text, back, err)
	}
	kept := id
	if err := kept.UnmarshalText([]byte("nonsense")); !errors.Is(err, ErrDeviceID) || kept != id {
		t.Errorf("nonsense: %v, %v", kept, err)
	}
}

func FuzzParseDeviceID(f *testing.F) {
	f.Add("")
	f.Add(DeviceID{}.String())
	f.Add(strings.ToUpper(DeviceID{31: 255}.String()))
	f.Add(strings.Repeat("a", textSize))
	f.Add(strings.Repeat("a", textSize-1) + "\n")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseDeviceID(s)
		if err != nil {
			if !errors.Is(err, ErrDeviceID) || id != (DeviceID{}) {
				t.Fatalf("%v, %v", id, err)
			}
			return
		}
		// What is taken differs from the one true form in case, dashes and
		// spaces only.
		bare := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(s))
		if bare != strings.ReplaceAll(id.String(), "-", "") {
			t.Fatalf("%q was taken for %s", s, id)
		}
	})
}

func TestPeerIDWithoutCertificate(t *testing.T) {
	if _, err := PeerID(tls.ConnectionState{}); !errors.Is(err, ErrNoCertificate) {
		t.Error(err)
	}
}
