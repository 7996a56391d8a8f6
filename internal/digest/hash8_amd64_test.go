package digest

import (
	"testing"

	"golang.org/x/sys/cpu"
	"pgregory.net/rapid"
)

// Both ways to hash a group agree, at every length and place.
func TestGroupBy8(t *testing.T) {
	if !cpu.X86.HasAVX2 {
		t.Skip("this processor has no AVX2, and hash8 is not used on it")
	}
	data := random(groupSize, 6)
	check := func(n int, counter uint64) bool {
		return groupBy8(data[:n], counter) == groupByPieces(data[:n], counter)
	}
	for n := 1; n <= groupSize; n += 1021 {
		if !check(n, 0) {
			t.Errorf("%d bytes at 0 differ", n)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, groupSize).Draw(t, "bytes")
		counter := rapid.Uint64Range(0, 1<<54/groupSize).Draw(t, "group") * groupChunks
		if !check(n, counter) {
			t.Fatalf("%d bytes at chunk %d differ", n, counter)
		}
	})
}

func BenchmarkGroup(b *testing.B) {
	data := random(groupSize, 7)
	for name, hash := range map[string]func([]byte, uint64) [8]uint32{"By8": groupBy8, "ByPieces": groupByPieces} {
		b.Run(name, func(b *testing.B) {
			if name == "By8" && !cpu.X86.HasAVX2 {
				b.Skip("this processor has no AVX2")
			}
			b.SetBytes(groupSize)
			b.ReportAllocs()
			for b.Loop() {
				hash(data, groupChunks)
			}
		})
	}
}
