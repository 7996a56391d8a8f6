//go:build !amd64

package digest

const has8 = false

func hash8(*byte, int, int, uint64, uint32, uint32, uint32, uint32, *[8][8]uint32) {
	panic("digest: no hash8 on this processor")
}
