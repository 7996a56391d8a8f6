package pairing

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"lanyard/internal/wire"
)

// Limits of a code. A secret is counted in characters, dashes included, in the
// form that String writes.
const (
	MaxNumber = 9999
	MinSecret = 8
	MaxSecret = 128
)

// secretWords is how many words a secret has that NewCode makes.
const secretWords = 3

// A Code is what one person tells another: a number, which is public and finds
// the sender, and a secret, which proves that the receiver was told.
//
// Codes come from [NewCode] and [ParseCode], which give them one form: two
// codes that people take for the same are equal.
//
// Printed with package fmt, logged, or encoded as JSON, a code hides its
// secret; only String shows it.
type Code struct {
	Number int    // 1 to MaxNumber
	Secret string `json:"-"`
}

// NewCode makes a code with three random words: one of about 2.7 thousand
// million secrets. A number out of range is wire.ErrUsage.
func NewCode(number int) (Code, error) {
	if err := checkNumber(number); err != nil {
		return Code{}, err
	}
	list := words()
	picked := make([]string, secretWords)
	for i := range picked {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(list))))
		if err != nil {
			return Code{}, fmt.Errorf("make a code: %w", err)
		}
		picked[i] = list[n.Int64()]
	}
	return Code{Number: number, Secret: strings.Join(picked, "-")}, nil
}

// ParseCode reads a code as people write it: in any case, with spaces, dashes
// of any kind or underscores between its parts. The secret need not be words
// of the list. What is no code is wire.ErrUsage; the error's text does not
// repeat any of it.
//
// The one form that both sides make of a code is: Unicode normalisation form
// KC; no format characters (category Cf); lower case; form KC again; each
// stretch of white space, dashes (category Pd, and U+2212) and underscores one
// "-", none at the ends; the number in decimal without leading zeros.
func ParseCode(s string) (Code, error) {
	// The bound keeps the work small; it leaves room for much that is folded.
	if len(s) > 16*MaxSecret {
		return Code{}, usage("a code has at most %d characters", MaxSecret+len("9999-"))
	}
	if !utf8.ValidString(s) {
		return Code{}, usage("a code is text in UTF-8")
	}
	s = fold(s)
	digits, secret, ok := strings.Cut(s, "-")
	if !ok || !isDigits(digits) {
		return Code{}, usage("a code is a number and a secret with a dash between them, such as 7-river-anvil-moss")
	}
	number, err := strconv.Atoi(digits)
	if err != nil {
		number = MaxNumber + 1
	}
	if err := checkNumber(number); err != nil {
		return Code{}, err
	}
	switch n := utf8.RuneCountInString(secret); {
	case n < MinSecret:
		return Code{}, usage("the part of a code after its number must have at least %d characters", MinSecret)
	case n > MaxSecret:
		return Code{}, usage("the part of a code after its number must have at most %d characters", MaxSecret)
	}
	for _, r := range secret {
		if !unicode.IsGraphic(r) {
			return Code{}, usage("a code has characters that cannot be seen")
		}
	}
	return Code{Number: number, Secret: secret}, nil
}

// String is the code as its owner tells it: "7-river-anvil-moss".
func (c Code) String() string { return strconv.Itoa(c.Number) + "-" + c.Secret }

// Format writes the code without its secret, whatever the verb, so that it
// gets into no error text by accident.
func (c Code) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.hidden()) }

// LogValue is the code without its secret.
func (c Code) LogValue() slog.Value { return slog.StringValue(c.hidden()) }

func (c Code) hidden() string { return strconv.Itoa(c.Number) + "-***" }

func checkNumber(n int) error {
	if n < 1 || n > MaxNumber {
		return usage("the number of a code is from 1 to %d", MaxNumber)
	}
	return nil
}

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", wire.ErrUsage, fmt.Sprintf(format, args...))
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// fold brings a code, or the beginning of one, into the form of ParseCode; of
// separators at its end nothing stays.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(s))
	return strings.Join(strings.FieldsFunc(norm.NFKC.String(s), isSeparator), "-")
}

func isSeparator(r rune) bool {
	const minus = '\u2212'
	return r == '_' || r == minus || unicode.IsSpace(r) || unicode.Is(unicode.Pd, r)
}
