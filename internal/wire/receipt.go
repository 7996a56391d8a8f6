package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"lanyard/internal/digest"
)

// A Receipt is a receiver's result in short.
type Receipt struct {
	Share    string
	Transfer string  // chosen by the receiver, so that a receipt that is sent again is known
	Bytes    int64   // of content that the receiver now has
	Seconds  float64 // from the first request to the last block on the disk
	Streams  int
	OK       bool // every file arrived, but for those that were skipped by choice
	Files    int  // results that follow: the files, without folders
	Declined bool // the receiver's user did not take what was offered: not OK, and no results
}

// A FileResult is how one file ended: its BLAKE3 hash, or an error code of the
// error table.
type FileResult struct {
	File FileIndex
	Hash digest.Digest
	Code string // empty when the file arrived
}

// A Verdict is what the sender answers to a receipt.
type Verdict struct {
	Agreed    int         `json:"agreed"`              // files whose hash is what was sent
	Disagreed []FileIndex `json:"disagreed,omitempty"` // files whose hash is not, the first MaxDisagreed
	More      int         `json:"more,omitempty"`      // disagreed beyond those
	Unknown   int         `json:"unknown,omitempty"`   // files that went out, in part, before the sender was started anew
	Failed    int         `json:"failed,omitempty"`    // files that the receiver says did not arrive
}

// MaxDisagreed bounds the list in a verdict.
const MaxDisagreed = 1000

// Disagree counts one more file that the two sides have different hashes of.
func (v *Verdict) Disagree(i FileIndex) {
	if len(v.Disagreed) < MaxDisagreed {
		v.Disagreed = append(v.Disagreed, i)
	} else {
		v.More++
	}
}

type receiptRecord struct {
	Share    string  `json:"share"`
	Transfer string  `json:"transfer,omitempty"`
	Bytes    int64   `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	Streams  int     `json:"streams"`
	OK       bool    `json:"ok"`
	Files    int     `json:"files"`
	Declined bool    `json:"declined,omitempty"`
}

type resultRecord struct {
	N     FileIndex      `json:"n"`
	Hash  *digest.Digest `json:"blake3,omitempty"`
	Error string         `json:"error,omitempty"`
	End   *int           `json:"end,omitempty"`
}

// A receipt's line holds a number and a hash or a code: it has no use for more.
const maxReceiptLine = 4 << 10

// maxTransfer bounds a receiver's name for a transfer, in bytes: senders keep it.
const maxTransfer = 64

// WriteReceipt writes a receipt to w. The results are r.Files in number and in
// ascending order of their files.
func WriteReceipt(w io.Writer, r Receipt, results iter.Seq[FileResult]) error {
	out := newLineWriter(w)
	out.write((*receiptRecord)(&r))
	n := 0
	for result := range results {
		rec := resultRecord{N: result.File, Error: result.Code}
		if result.Code == "" {
			rec.Hash = &result.Hash
		}
		out.write(&rec)
		if out.err != nil {
			break
		}
		n++
	}
	out.write(&endRecord{n})
	if err := out.flush(); err != nil {
		return fmt.Errorf("write receipt: %w", err)
	}
	if n != r.Files {
		return fmt.Errorf("write receipt: %d results, announced were %d", n, r.Files)
	}
	return nil
}

// ReadReceipt reads what WriteReceipt wrote and calls each with every result as
// it comes, in ascending order of their files. It takes at most maxFiles of
// them, of files below maxFiles. It fails with ErrTooLarge, ErrMalformed, r's
// error or the one of each.
func ReadReceipt(r io.Reader, maxFiles int, each func(FileResult) error) (Receipt, error) {
	in := newLineReader(r, "receipt", maxReceiptLine)
	var head receiptRecord
	if _, err := in.next(&head); err != nil {
		return Receipt{}, err
	}
	if head.Bytes < 0 || head.Files < 0 || head.Streams < 0 || head.Seconds < 0 || len(head.Transfer) > maxTransfer {
		return Receipt{}, in.fail(ErrMalformed, errors.New("a number out of range"))
	}
	if head.Declined && (head.OK || head.Files > 0) {
		return Receipt{}, in.fail(ErrMalformed, errors.New("declined, and yet with a result"))
	}
	if head.Files > maxFiles {
		return Receipt{}, in.fail(ErrTooLarge, fmt.Errorf("%d files, the share has %d", head.Files, maxFiles))
	}
	last := FileIndex(-1)
	for n := 0; ; n++ {
		var rec resultRecord
		if _, err := in.next(&rec); err != nil {
			return Receipt{}, err
		}
		if rec.End != nil {
			if *rec.End != n || head.Files != n {
				return Receipt{}, in.fail(ErrMalformed, fmt.Errorf("%d results came, the header says %d, the end %d", n, head.Files, *rec.End))
			}
			break
		}
		// Ascending, so that no file counts twice.
		if rec.N <= last || int(rec.N) >= maxFiles || (rec.Hash == nil) == (rec.Error == "") {
			return Receipt{}, in.fail(ErrMalformed, fmt.Errorf("a result of file %d", rec.N))
		}
		last = rec.N
		result := FileResult{File: rec.N, Code: rec.Error}
		if rec.Hash != nil {
			result.Hash = *rec.Hash
		}
		if err := each(result); err != nil {
			return Receipt{}, err
		}
	}
	return Receipt(head), in.end()
}

// WriteVerdict writes v.
func WriteVerdict(w io.Writer, v Verdict) error { return json.NewEncoder(w).Encode(v) }

// ReadVerdict reads what WriteVerdict wrote, of a share of files entries. It
// fails with ErrTooLarge, ErrMalformed or r's error.
func ReadVerdict(r io.Reader, files int) (Verdict, error) {
	var v Verdict
	if err := readBody(r, "verdict", &v); err != nil {
		return Verdict{}, err
	}
	ok := v.Agreed >= 0 && v.More >= 0 && v.Unknown >= 0 && v.Failed >= 0 && len(v.Disagreed) <= MaxDisagreed
	for _, i := range v.Disagreed {
		ok = ok && i >= 0 && int(i) < files
	}
	if !ok {
		return Verdict{}, fmt.Errorf("read verdict: %w: a number out of range", ErrMalformed)
	}
	return v, nil
}
