package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lanyard/internal/digest"
)

func readReceipt(r io.Reader, maxFiles int) (Receipt, []FileResult, error) {
	var results []FileResult
	receipt, err := ReadReceipt(r, maxFiles, func(f FileResult) error {
		results = append(results, f)
		return nil
	})
	return receipt, results, err
}

func TestReceiptForm(t *testing.T) {
	results := []FileResult{{File: 0, Hash: digest.Empty}, {File: 2, Code: "source_changed"}}
	r := Receipt{Share: "S", Transfer: "T", Bytes: 7, Seconds: 1.5, Streams: 4, OK: false, Files: 2}
	var b bytes.Buffer
	if err := WriteReceipt(&b, r, slices.Values(results)); err != nil {
		t.Fatal(err)
	}
	want := `{"share":"S","transfer":"T","bytes":7,"seconds":1.5,"streams":4,"ok":false,"files":2}
{"n":0,"blake3":"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}
{"n":2,"error":"source_changed"}
{"end":2}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got, read, err := readReceipt(&b, 3)
	if err != nil || got != r || !cmp.Equal(results, read) {
		t.Errorf("got %v, %v, %v", got, read, err)
	}
}

func TestReceiptRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var results []FileResult
		for i := range rapid.IntRange(0, 40).Draw(t, "files") {
			f := FileResult{File: FileIndex(2 * i), Code: rapid.SampledFrom([]string{"", "source_read"}).Draw(t, "code")}
			if f.Code == "" {
				f.Hash = digest.Digest(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
			}
			results = append(results, f)
		}
		r := Receipt{Share: "S", Seconds: rapid.Float64Range(0, 1e9).Draw(t, "seconds"), OK: rapid.Bool().Draw(t, "ok"), Files: len(results)}
		var b bytes.Buffer
		if err := WriteReceipt(&b, r, slices.Values(results)); err != nil {
			t.Fatal(err)
		}
		whole := b.Bytes()
		got, read, err := readReceipt(bytes.NewReader(whole), 100)
		if err != nil || got != r || !slices.Equal(results, read) {
			t.Fatalf("got %v, %v", got, err)
		}
		cut := rapid.IntRange(0, len(whole)-1).Draw(t, "cut")
		if _, _, err := readReceipt(bytes.NewReader(whole[:cut]), 100); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	})
}

func TestReceiptRefused(t *testing.T) {
	hash := digest.Empty.String()
	line := func(n int) string { return fmt.Sprintf(`{"n":%d,"blake3":%q}`+"\n", n, hash) }
	head := func(files int) string { return fmt.Sprintf(`{"share":"S","files":%d}`+"\n", files) }
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"too many files":   {head(4), ErrTooLarge},
		"negative":         {`{"bytes":-1}` + "\n", ErrMalformed},
		"long transfer":    {`{"transfer":"` + strings.Repeat("x", 65) + `"}` + "\n", ErrMalformed},
		"twice the same":   {head(2) + line(1) + line(1) + `{"end":2}` + "\n", ErrMalformed},
		"not in order":     {head(2) + line(1) + line(0) + `{"end":2}` + "\n", ErrMalformed},
		"no such file":     {head(1) + line(3) + `{"end":1}` + "\n", ErrMalformed},
		"negative file":    {head(1) + line(-1) + `{"end":1}` + "\n", ErrMalformed},
		"short hash":       {head(1) + `{"n":0,"blake3":"af"}` + "\n", ErrMalformed},
		"neither":          {head(1) + `{"n":0}` + "\n", ErrMalformed},
		"both":             {head(1) + fmt.Sprintf(`{"n":0,"error":"x","blake3":%q}`, hash) + "\n", ErrMalformed},
		"fewer than said":  {head(2) + line(0) + `{"end":1}` + "\n", ErrMalformed},
		"more than said":   {head(1) + line(0) + line(1) + `{"end":2}` + "\n", ErrMalformed},
		"something after":  {head(0) + `{"end":0}` + "\n{}", ErrMalformed},
		"a line too long":  {head(1) + strings.Repeat(" ", 5000) + line(0), ErrTooLarge},
		"declined, all ok": {`{"declined":true,"ok":true}` + "\n" + `{"end":0}` + "\n", ErrMalformed},
		"declined, a file": {`{"declined":true,"files":1}` + "\n" + line(0) + `{"end":1}` + "\n", ErrMalformed},
		"nothing":          {"", ErrMalformed},
		"seconds not real": {`{"seconds":1e999}` + "\n", ErrMalformed},
	} {
		if _, _, err := readReceipt(strings.NewReader(c.text), 3); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	stop := errors.New("stop")
	_, err := ReadReceipt(strings.NewReader(head(1)+line(0)+`{"end":1}`+"\n"), 3, func(FileResult) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want the callback's error", err)
	}
}

func TestReceiptMustHaveWhatItAnnounces(t *testing.T) {
	if err := WriteReceipt(io.Discard, Receipt{Files: 2}, slices.Values([]FileResult{{}})); err == nil {
		t.Error("one result of two was taken")
	}
}

func TestVerdictListIsBounded(t *testing.T) {
	var v Verdict
	for i := range MaxDisagreed + 5 {
		v.Disagree(FileIndex(i))
	}
	if len(v.Disagreed) != MaxDisagreed || v.More != 5 {
		t.Errorf("%d listed, %d more", len(v.Disagreed), v.More)
	}
	var b bytes.Buffer
	if err := WriteVerdict(&b, v); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadVerdict(&b, MaxDisagreed+10); err != nil || !cmp.Equal(v, got) {
		t.Errorf("%v\n%s", err, cmp.Diff(v, got))
	}
	for _, bad := range []string{`{"agreed":-1}`, `{"agreed":0,"disagreed":[1]}`, `{"agreed":0,"disagreed":[-1]}`} {
		if _, err := ReadVerdict(strings.NewReader(bad), 1); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func FuzzReadReceipt(f *testing.F) {
	f.Add([]byte(`{"share":"S","files":1}` + "\n" + `{"n":0,"error":"x"}` + "\n" + `{"end":1}` + "\n"))
	f.Add([]byte(`{"share":"S","files":1}` + "\n" + `{"n":0,"blake3":"` + digest.Empty.String() + `"}` + "\n" + `{"end":1}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, results, err := readReceipt(bytes.NewReader(data), 50)
		if len(results) > 50 {
			t.Fatalf("%d results", len(results))
		}
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := WriteReceipt(&b, r, slices.Values(results)); err != nil {
			t.Fatal(err)
		}
		if r2, results2, err := readReceipt(&b, 50); err != nil || r != r2 || !slices.Equal(results, results2) {
			t.Fatalf("%v: %v, want %v", err, r2, r)
		}
	})
}

func FuzzReadVerdict(f *testing.F) {
	f.Add([]byte(`{"agreed":1,"disagreed":[1,2],"more":3,"unknown":4,"failed":5}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := ReadVerdict(bytes.NewReader(data), 3); err == nil && (v.Agreed < 0 || len(v.Disagreed) > MaxDisagreed ||
			slices.ContainsFunc(v.Disagreed, func(i FileIndex) bool { return i < 0 || i >= 3 })) {
			t.Errorf("took %+v", v)
		}
	})
}
