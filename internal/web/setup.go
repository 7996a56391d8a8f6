package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"sync"
	"time"
)

// linkTime is how long the link that makes the account serves.
const linkTime = time.Hour

// A setup is the right to make the account: who was given its token, on this
// machine, has it. It is kept nowhere but here.
type setup struct {
	mu    sync.Mutex
	sum   [sha256.Size]byte
	until time.Time // zero: there is no token
}

// issue makes a token. The one before serves no more.
func (s *setup) issue() string {
	token := make([]byte, 32)
	_, _ = rand.Read(token) // never fails
	text := base64.RawURLEncoding.EncodeToString(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum, s.until = sha256.Sum256([]byte(text)), time.Now().Add(linkTime)
	return text
}

// isRight tells whether a token serves.
func (s *setup) isRight(token string) bool {
	sum := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	return subtle.ConstantTimeCompare(sum[:], s.sum[:]) == 1 && time.Now().Before(s.until)
}

// void makes every token serve no more.
func (s *setup) void() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = time.Time{}
}
