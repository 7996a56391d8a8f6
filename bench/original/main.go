// Original moves one file in the way of the program that lanyard grew from: over
// one TCP socket, chunk after chunk, in clear and without a check of what came.
// With several threads, these take turns on that one socket. It is here to be
// measured against.
//
//	original send -at ADDRESS -threads N FILE    waits for one receiver after another
//	original receive -from ADDRESS -threads N FILE
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
)

// chunkSize is what a thread reads and sends in its turn.
const chunkSize = 64 << 10

// A chunk goes over the wire as its offset, its length and its bytes. A length
// of 0 is the end.
const headSize = 12

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "original:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || args[0] != "send" && args[0] != "receive" {
		return errors.New("send or receive?")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	at := flags.String("at", "", "`address` to wait at")
	from := flags.String("from", "", "`address` of the sender")
	threads := flags.Int("threads", 1, "`threads` that take turns")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() != 1 || *threads < 1 {
		return errors.New("one file, and a thread at least")
	}
	if args[0] == "send" {
		return send(*at, flags.Arg(0), *threads)
	}
	return receive(*from, flags.Arg(0), *threads)
}

func send(at, path string, threads int) error {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	defer l.Close()
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		// Who only looks whether somebody listens is no receiver.
		if err := give(conn, path, threads); err != nil {
			fmt.Fprintln(os.Stderr, "original:", err)
		}
	}
}

func give(conn net.Conn, path string, threads int) error {
	defer conn.Close()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	offset, isOver := int64(0), false
	err = inTurns(threads, func(buf []byte) (more bool, err error) {
		if isOver {
			return false, nil
		}
		n, err := f.Read(buf[headSize:])
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		isOver = n == 0
		binary.BigEndian.PutUint64(buf, uint64(offset))
		binary.BigEndian.PutUint32(buf[8:], uint32(n))
		offset += int64(n)
		_, err = conn.Write(buf[:headSize+n])
		return !isOver, err
	})
	return err
}

func receive(from, path string, threads int) (err error) {
	conn, err := net.Dial("tcp", from)
	if err != nil {
		return err
	}
	defer conn.Close()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	isOver := false
	return inTurns(threads, func(buf []byte) (more bool, err error) {
		if isOver {
			return false, nil
		}
		if _, err := io.ReadFull(conn, buf[:headSize]); err != nil {
			return false, err
		}
		n := binary.BigEndian.Uint32(buf[8:])
		if n > chunkSize {
			return false, fmt.Errorf("a chunk of %d bytes", n)
		}
		if isOver = n == 0; isOver {
			return false, nil
		}
		if _, err := io.ReadFull(conn, buf[headSize:headSize+n]); err != nil {
			return false, err
		}
		_, err = f.WriteAt(buf[headSize:headSize+n], int64(binary.BigEndian.Uint64(buf)))
		return true, err
	})
}

// inTurns lets threads do a step each, one after the other, until one has no more
// to do.
func inTurns(threads int, step func(buf []byte) (more bool, err error)) error {
	turns := make([]chan bool, threads) // true: your turn; false: it is over
	for i := range turns {
		turns[i] = make(chan bool, 1)
	}
	var wg sync.WaitGroup
	var failed error // of the thread whose turn it was
	for i := range threads {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			buf := make([]byte, headSize+chunkSize)
			next := turns[(i+1)%threads]
			for <-turns[i] {
				more, err := step(buf)
				if !more || err != nil {
					failed = err
					for _, other := range turns {
						select {
						case other <- false:
						default:
						}
					}
					return
				}
				next <- true
			}
		})
	}
	turns[0] <- true
	wg.Wait()
	return failed
}
