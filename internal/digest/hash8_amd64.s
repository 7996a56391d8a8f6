// Eight BLAKE3 inputs of the same number of 64-byte blocks are hashed side by
// side, each in its lane of 32 bits of the sixteen 256-bit registers: register
// i holds word i of the state of all eight (BLAKE3 paper, sections 2.2 and 5.3).

#include "textflag.h"

DATA iv<>+0(SB)/4, $0x6a09e667
DATA iv<>+4(SB)/4, $0xbb67ae85
DATA iv<>+8(SB)/4, $0x3c6ef372
DATA iv<>+12(SB)/4, $0xa54ff53a
DATA iv<>+16(SB)/4, $0x510e527f
DATA iv<>+20(SB)/4, $0x9b05688c
DATA iv<>+24(SB)/4, $0x1f83d9ab
DATA iv<>+28(SB)/4, $0x5be0cd19
GLOBL iv<>(SB), RODATA|NOPTR, $32

DATA lanes<>+0(SB)/8, $0x0000000100000000
DATA lanes<>+8(SB)/8, $0x0000000300000002
DATA lanes<>+16(SB)/8, $0x0000000500000004
DATA lanes<>+24(SB)/8, $0x0000000700000006
GLOBL lanes<>(SB), RODATA|NOPTR, $32

DATA blockLen<>+0(SB)/4, $64
GLOBL blockLen<>(SB), RODATA|NOPTR, $4

// Shuffles of bytes that rotate each lane to the right by 16 and by 8 bits.
DATA right16<>+0(SB)/8, $0x0504070601000302
DATA right16<>+8(SB)/8, $0x0d0c0f0e09080b0a
DATA right16<>+16(SB)/8, $0x0504070601000302
DATA right16<>+24(SB)/8, $0x0d0c0f0e09080b0a
GLOBL right16<>(SB), RODATA|NOPTR, $32

DATA right8<>+0(SB)/8, $0x0407060500030201
DATA right8<>+8(SB)/8, $0x0c0f0e0d080b0a09
DATA right8<>+16(SB)/8, $0x0407060500030201
DATA right8<>+24(SB)/8, $0x0c0f0e0d080b0a09
GLOBL right8<>(SB), RODATA|NOPTR, $32

// The frame, from DI on, which is a multiple of 32: word w of the message of
// all lanes at 32*w, then a register that makes room, then the counters.
#define MESSAGE(w) (32*(w))(DI)
#define ROOM 512(DI)
#define COUNTER_LOW 544(DI)
#define COUNTER_HIGH 576(DI)

// ROTATE rotates b0 to b3 to the right; c0, which is in ROOM meanwhile, serves.
#define ROTATE(right, left, b0, b1, b2, b3, c0) \
	VMOVDQU c0, ROOM;       \
	VPSRLD  $right, b0, c0; \
	VPSLLD  $left, b0, b0;  \
	VPOR    c0, b0, b0;     \
	VPSRLD  $right, b1, c0; \
	VPSLLD  $left, b1, b1;  \
	VPOR    c0, b1, b1;     \
	VPSRLD  $right, b2, c0; \
	VPSLLD  $left, b2, b2;  \
	VPOR    c0, b2, b2;     \
	VPSRLD  $right, b3, c0; \
	VPSLLD  $left, b3, b3;  \
	VPOR    c0, b3, b3;     \
	VMOVDQU ROOM, c0

// HALF is half of the function G on four quarters of the state at a time.
#define HALF(shuffle, right, left, a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3, m0, m1, m2, m3) \
	VPADDD  MESSAGE(m0), a0, a0; \
	VPADDD  MESSAGE(m1), a1, a1; \
	VPADDD  MESSAGE(m2), a2, a2; \
	VPADDD  MESSAGE(m3), a3, a3; \
	VPADDD  b0, a0, a0;          \
	VPADDD  b1, a1, a1;          \
	VPADDD  b2, a2, a2;          \
	VPADDD  b3, a3, a3;          \
	VPXOR   a0, d0, d0;          \
	VPXOR   a1, d1, d1;          \
	VPXOR   a2, d2, d2;          \
	VPXOR   a3, d3, d3;          \
	VPSHUFB shuffle, d0, d0;     \
	VPSHUFB shuffle, d1, d1;     \
	VPSHUFB shuffle, d2, d2;     \
	VPSHUFB shuffle, d3, d3;     \
	VPADDD  d0, c0, c0;          \
	VPADDD  d1, c1, c1;          \
	VPADDD  d2, c2, c2;          \
	VPADDD  d3, c3, c3;          \
	VPXOR   c0, b0, b0;          \
	VPXOR   c1, b1, b1;          \
	VPXOR   c2, b2, b2;          \
	VPXOR   c3, b3, b3;          \
	ROTATE(right, left, b0, b1, b2, b3, c0)

// ROUND mixes the columns and then the diagonals, with the words of the
// message in the order that is given.
#define ROUND(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15) \
	HALF(right16<>(SB), 12, 20, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15, m0, m2, m4, m6);    \
	HALF(right8<>(SB), 7, 25, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15, m1, m3, m5, m7);      \
	HALF(right16<>(SB), 12, 20, Y0, Y1, Y2, Y3, Y5, Y6, Y7, Y4, Y10, Y11, Y8, Y9, Y15, Y12, Y13, Y14, m8, m10, m12, m14); \
	HALF(right8<>(SB), 7, 25, Y0, Y1, Y2, Y3, Y5, Y6, Y7, Y4, Y10, Y11, Y8, Y9, Y15, Y12, Y13, Y14, m9, m11, m13, m15)

// FOUR brings words w to w+3 of the message from the inputs' rows into columns.
#define FOUR(w) \
	VMOVDQU     (4*(w))(SI), X8;                   \
	VMOVDQU     (4*(w))(SI)(DX*1), X9;             \
	VMOVDQU     (4*(w))(SI)(DX*2), X10;            \
	VMOVDQU     (4*(w))(SI)(R9*1), X11;            \
	VINSERTI128 $1, (4*(w))(SI)(DX*4), Y8, Y8;     \
	VINSERTI128 $1, (4*(w))(SI)(R10*1), Y9, Y9;    \
	VINSERTI128 $1, (4*(w))(SI)(R9*2), Y10, Y10;   \
	VINSERTI128 $1, (4*(w))(SI)(R11*1), Y11, Y11;  \
	VPUNPCKLDQ  Y9, Y8, Y12;                       \
	VPUNPCKHDQ  Y9, Y8, Y13;                       \
	VPUNPCKLDQ  Y11, Y10, Y14;                     \
	VPUNPCKHDQ  Y11, Y10, Y15;                     \
	VPUNPCKLQDQ Y14, Y12, Y8;                      \
	VPUNPCKHQDQ Y14, Y12, Y9;                      \
	VPUNPCKLQDQ Y15, Y13, Y10;                     \
	VPUNPCKHQDQ Y15, Y13, Y11;                     \
	VMOVDQU     Y8, MESSAGE(w);                    \
	VMOVDQU     Y9, MESSAGE(w+1);                  \
	VMOVDQU     Y10, MESSAGE(w+2);                 \
	VMOVDQU     Y11, MESSAGE(w+3)

// OUT brings four words of all states from columns into the rows of the result.
#define OUT(off, a, b, c, d) \
	VPUNPCKLDQ   b, a, Y8;                \
	VPUNPCKHDQ   b, a, Y9;                \
	VPUNPCKLDQ   d, c, Y10;               \
	VPUNPCKHDQ   d, c, Y11;               \
	VPUNPCKLQDQ  Y10, Y8, Y12;            \
	VPUNPCKHQDQ  Y10, Y8, Y13;            \
	VPUNPCKLQDQ  Y11, Y9, Y14;            \
	VPUNPCKHQDQ  Y11, Y9, Y15;            \
	VMOVDQU      X12, (off+0)(AX);        \
	VMOVDQU      X13, (off+32)(AX);       \
	VMOVDQU      X14, (off+64)(AX);       \
	VMOVDQU      X15, (off+96)(AX);       \
	VEXTRACTI128 $1, Y12, (off+128)(AX);  \
	VEXTRACTI128 $1, Y13, (off+160)(AX);  \
	VEXTRACTI128 $1, Y14, (off+192)(AX);  \
	VEXTRACTI128 $1, Y15, (off+224)(AX)

// func hash8(in *byte, stride, blocks int, counter uint64, step, flags, first, last uint32, out *[8][8]uint32)
TEXT ·hash8(SB), 0, $640-56
	MOVQ in+0(FP), SI
	MOVQ stride+8(FP), DX
	MOVQ blocks+16(FP), CX
	MOVL flags+36(FP), R8
	MOVL first+40(FP), BX
	LEAQ 31(SP), DI
	ANDQ $~31, DI
	LEAQ (DX)(DX*2), R9
	LEAQ (DX)(DX*4), R10
	LEAQ (R9)(DX*4), R11

	MOVL         step+32(FP), AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	VPMULLD      lanes<>(SB), Y0, Y0
	MOVQ         counter+24(FP), AX
	VMOVD        AX, X1
	VPBROADCASTD X1, Y1
	VPADDD       Y0, Y1, Y0
	SHRQ         $32, AX
	VMOVD        AX, X1
	VPBROADCASTD X1, Y1
	VMOVDQU      Y0, COUNTER_LOW
	VMOVDQU      Y1, COUNTER_HIGH

	VPBROADCASTD iv<>+0(SB), Y0
	VPBROADCASTD iv<>+4(SB), Y1
	VPBROADCASTD iv<>+8(SB), Y2
	VPBROADCASTD iv<>+12(SB), Y3
	VPBROADCASTD iv<>+16(SB), Y4
	VPBROADCASTD iv<>+20(SB), Y5
	VPBROADCASTD iv<>+24(SB), Y6
	VPBROADCASTD iv<>+28(SB), Y7
	ORL          R8, BX

block:
	FOUR(0)
	FOUR(4)
	FOUR(8)
	FOUR(12)
	CMPQ CX, $1
	JNE  compress
	ORL  last+44(FP), BX

compress:
	VMOVD        BX, X15
	VPBROADCASTD X15, Y15
	VPBROADCASTD blockLen<>(SB), Y14
	VMOVDQU      COUNTER_HIGH, Y13
	VMOVDQU      COUNTER_LOW, Y12
	VPBROADCASTD iv<>+0(SB), Y8
	VPBROADCASTD iv<>+4(SB), Y9
	VPBROADCASTD iv<>+8(SB), Y10
	VPBROADCASTD iv<>+12(SB), Y11

	ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
	ROUND(2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
	ROUND(3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1)
	ROUND(10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6)
	ROUND(12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4)
	ROUND(9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7)
	ROUND(11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13)

	VPXOR Y8, Y0, Y0
	VPXOR Y9, Y1, Y1
	VPXOR Y10, Y2, Y2
	VPXOR Y11, Y3, Y3
	VPXOR Y12, Y4, Y4
	VPXOR Y13, Y5, Y5
	VPXOR Y14, Y6, Y6
	VPXOR Y15, Y7, Y7

	MOVL R8, BX
	ADDQ $64, SI
	DECQ CX
	JNZ  block

	MOVQ out+48(FP), AX
	OUT(0, Y0, Y1, Y2, Y3)
	OUT(16, Y4, Y5, Y6, Y7)
	VZEROUPPER
	RET
