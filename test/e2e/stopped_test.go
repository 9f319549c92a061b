package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/autorollback/autorollback/store"
)

// A daemon is stopped (SIGSTOP) when its rollback is on its way, and the other one acts meanwhile.
// What arrives late is refused, and the one that wakes up finds that all is done.
func TestStoppedAroundItsWrite(t *testing.T) {
	t.Parallel()
	s, b := startBetween(t, options{daemons: 2})
	before := s.revision()
	reached, acted := make(chan *daemon, 1), make(chan struct{})
	b.arm(otherFirst, func() {
		d := s.writer(b.wrote())
		if err := d.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Error(err)
		}
		reached <- d
		select {
		case <-acted:
		case <-t.Context().Done():
		}
	})
	s.breakCandidate()
	var stopped *daemon
	s.await("a rollback on its way", 90*time.Second, func() error {
		select {
		case stopped = <-reached:
			return nil
		default:
			return errors.New("it has not come")
		}
	})
	s.await("the other daemon to act", 90*time.Second, s.rolledBack)
	close(acted)
	if err := stopped.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.recovered(s.incident("a closed incident", 120*time.Second, settled))
	s.oneTransaction()
	if _, applied := b.seen(); applied != 1 {
		t.Errorf("Consul applied %d rollbacks, want 1", applied)
	}
	if after := s.revision(); after != before+1 {
		t.Errorf("the weights' revision went from %d to %d, want one write", before, after)
	}
}

// writer is the daemon that sent a transaction with these keys.
func (s *stack) writer(keys []string) *daemon {
	for _, d := range s.daemons {
		for _, key := range keys {
			if strings.HasPrefix(key, store.Root+"op/"+d.name+"/") {
				return d
			}
		}
	}
	s.t.Errorf("no daemon wrote %v", keys)
	return s.daemons[0]
}

// One of two daemons is cut off from Consul before the breach: the other one acts. When the cut is
// over, both agree that there was one rollback.
func TestOneDaemonIsCutOffFromConsul(t *testing.T) {
	t.Parallel()
	var first *wire
	s := start(t, options{daemons: 2, consul: func(address string) string {
		if first == nil {
			first = newWire(t, address)
			return first.addr
		}
		return address
	}})
	before := s.revision()
	first.cut(true)
	s.breakCandidate()
	s.await("the other daemon to act", 90*time.Second, s.rolledBack)
	first.cut(false)
	s.recovered(s.incident("a closed incident", 120*time.Second, settled))
	s.oneTransaction()
	s.await("the one that was cut off to know it", 60*time.Second, func() error {
		st, err := s.daemons[0].client().Status(t.Context())
		if err == nil && (len(st.Releases) != 1 || st.Releases[0].Weight != 0) {
			err = fmt.Errorf("it says %+v", st.Releases)
		}
		return err
	})
	if after := s.revision(); after != before+1 {
		t.Errorf("the weights' revision went from %d to %d, want one write", before, after)
	}
}

// A wire carries TCP to an address, and can be cut.
type wire struct {
	addr   string
	target string

	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]bool
}

func newWire(t *testing.T, target string) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{addr: l.Addr().String(), target: target, conns: map[net.Conn]bool{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { w.carry(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); w.cut(true); all.Wait() })
	return w
}

// cut ends every connection and lets no new one through, or ends that.
func (w *wire) cut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = cut
	for conn := range w.conns {
		if cut {
			conn.Close()
		}
	}
}

func (w *wire) keep(conn net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[conn] = true
	return !w.isCut
}

func (w *wire) carry(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", w.target)
	if err != nil {
		return
	}
	defer out.Close()
	if !w.keep(in) || !w.keep(out) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() { _, _ = io.Copy(in, out); in.Close() })
	_, _ = io.Copy(out, in)
	out.Close()
	back.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, in)
	delete(w.conns, out)
}
