package speed

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"time"

	"lanyard/internal/digest"
)

const (
	memoryTime = 500 * time.Millisecond
	// memorySize is more than a core keeps in a cache of its own.
	memorySize = 8 << 20
	blockSize  = 1 << 20
	// pieceSize is what a transfer does one thing after the other with, while it is
	// in a cache.
	pieceSize = 256 << 10
	// recordSize is how much TLS seals at a time.
	recordSize = 16 << 10
)

// memory is how fast one core does what both ends of a transfer do with each
// byte, but for moving it: hash, seal and open.
func memory(ctx context.Context) (rate float64, err error) {
	seal, err := cipher.NewGCM(newCipher())
	if err != nil {
		return 0, fmt.Errorf("measure the memory: %w", err)
	}
	data := make([]byte, memorySize)
	sealed := make([]byte, 0, recordSize+seal.Overhead())
	nonce := make([]byte, seal.NonceSize()) // always the same: what it keeps secret is zeros
	done, began := 0, time.Now()
	for time.Since(began) < memoryTime {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		block := data[done%memorySize:][:blockSize]
		hash := digest.NewHasher(0, blockSize)
		for len(block) > 0 {
			piece := block[:pieceSize]
			block = block[pieceSize:]
			hash.Add(piece)
			for at := 0; at < pieceSize; at += recordSize {
				record := piece[at : at+recordSize]
				sealed = seal.Seal(sealed[:0], nonce, record, nil)
				if _, err := seal.Open(record[:0], nonce, sealed, nil); err != nil {
					return 0, fmt.Errorf("measure the memory: %w", err)
				}
			}
		}
		hash.Digest()
		done += blockSize
	}
	return float64(done) / time.Since(began).Seconds(), nil
}

// newCipher is AES with a key that nobody knows.
func newCipher() cipher.Block {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails, says its documentation
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has one of the sizes that there are
	}
	return block
}
