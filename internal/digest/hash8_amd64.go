package digest

import "golang.org/x/sys/cpu"

// has8 tells whether hash8 is the fastest there is here. The library has code of
// its own for AVX-512, which is as fast.
var has8 = cpu.X86.HasAVX2 && !cpu.X86.HasAVX512F

// hash8 hashes eight inputs of so many blocks of 64 bytes each into their
// chaining values. The inputs begin stride bytes apart. The first has counter,
// which must be a multiple of 8, each further one step (0 or 1) more. Every block
// has flags, the first and the last block of an input those of first and last,
// too. It takes AVX2, and is in hash8_amd64.s.
//
//go:noescape
func hash8(in *byte, stride, blocks int, counter uint64, step, flags, first, last uint32, out *[8][8]uint32)
