package servers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports come from below the range that systems give to outgoing connections.
const (
	firstPort  = 20_000
	blockPorts = 100
	blockCount = 120
)

// A portBlock is a run of ports that belongs to this process. Tests of
// several packages run at once, and a port that was merely found free can be
// taken by another process before the server has opened it. Holding a block's
// first port keeps them apart.
type portBlock struct {
	mu     sync.Mutex
	guards []net.Listener // of every block so far, held until the process ends
	next   int
	end    int
}

var ports portBlock

// FreeAddr is a host and port on loopback for a server that the test itself starts.
// No other test and no outgoing connection takes the port meanwhile.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	return freeAddr(tb)
}

func freeAddr(tb testing.TB) string {
	tb.Helper()
	return loopback(freePort(tb))
}

func freePort(tb testing.TB) int {
	tb.Helper()
	port, err := ports.take()
	if err != nil {
		tb.Fatalf("find a free port: %v", err)
	}
	return port
}

// take never gives the same port twice, so a stopped server finds its own
// port again.
func (b *portBlock) take() (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range blockPorts * blockCount {
		if b.next == b.end {
			if err := b.claim(); err != nil {
				return 0, err
			}
		}
		port := b.next
		b.next++
		if free(port) {
			return port, nil
		}
	}
	return 0, errors.New("every port is taken")
}

func (b *portBlock) claim() error {
	offset := rand.IntN(blockCount)
	for i := range blockCount {
		first := firstPort + (offset+i)%blockCount*blockPorts
		guard, err := net.Listen("tcp", loopback(first))
		if err == nil {
			b.guards = append(b.guards, guard) // one that is let go is closed
			b.next, b.end = first+1, first+blockPorts
			return nil
		}
	}
	return fmt.Errorf("every block of ports from %d is taken", firstPort)
}

// free asks for both protocols, since gossip uses both on one port.
func free(port int) bool {
	tcp, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", loopback(port))
	if err != nil {
		return false
	}
	return udp.Close() == nil
}

func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
