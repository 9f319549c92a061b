package receiver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/record"
)

// pipes is a listener whose connections live in memory, so that time can be fake.
type pipes struct {
	queue  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newPipes() *pipes {
	return &pipes{queue: make(chan net.Conn, 1000), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.queue:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.queue <- server
	return client
}

// running starts the receiver; stop ends it and returns what Run returned.
func running(t *testing.T, d endpoint) (l *pipes, stop func() error) {
	t.Helper()
	l = newPipes()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, l) }()
	return l, sync.OnceValue(func() error { cancel(); return <-ended })
}

const head = "POST /v1/alertmanager HTTP/1.1\r\nHost: autorollback\r\nContent-Type: application/json\r\nAuthorization: Bearer " + token + "\r\n"

// send writes a whole request and reads the answer.
func send(conn net.Conn) (*http.Response, error) {
	go fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s", head, len(firing), firing)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	return resp, err
}

// TestSlowSenders: whoever dawdles is let go, each at its own bound.
func TestSlowSenders(t *testing.T) {
	for _, c := range []struct {
		name, sends string
		after       time.Duration
		code        int // 0: the connection just ends
	}{
		{"says nothing", "", 5 * time.Second, 0},
		{"header without an end", head, 5 * time.Second, 0},
		{"body without an end", head + "Content-Length: 1000\r\n\r\n{", 10 * time.Second, 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, stop := running(t, open(t, accept, receiver.Config{}))
				conn, began := l.dial(), time.Now()
				go io.WriteString(conn, c.sends)
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if took := time.Since(began); took != c.after {
					t.Errorf("let go after %s, want %s", took, c.after)
				}
				if c.code == 0 && err == nil && resp.StatusCode < 400 || c.code != 0 && (err != nil || resp.StatusCode != c.code) {
					t.Errorf("got %v, %v; want code %d", resp, err, c.code)
				}
				conn.Close()
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := running(t, open(t, accept, receiver.Config{}))
		conn := l.dial()
		if resp, err := send(conn); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		began := time.Now()
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("ended after %s, want 1m", took)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestLongHeadersAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := running(t, open(t, accept, receiver.Config{}))
		conn := l.dial()
		go fmt.Fprintf(conn, "%sX-Long: %0*d\r\n\r\n", head, 24<<10, 0)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Error(resp, err)
		}
		conn.Close()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := running(t, open(t, accept, receiver.Config{}))
		idle := make([]net.Conn, 256)
		for i := range idle {
			idle[i] = l.dial()
		}
		synctest.Wait()
		next, began := l.dial(), time.Now()
		if resp, err := send(next); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the 257th connection was served after %s, want at once: a silent one makes room", waited)
		}
		for _, conn := range append(idle, next) {
			conn.Close()
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestDrain: what is under way is finished, what is new is sent away, and Run ends
// without an error.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		land := make(chan struct{})
		d := open(t, func(context.Context, []record.Alert) error { <-land; return nil }, receiver.Config{})
		l, stop := running(t, d)
		underway := make(chan int, 1)
		go func() {
			resp, err := send(l.dial())
			if err != nil {
				t.Error(err)
				return
			}
			underway <- resp.StatusCode
		}()
		synctest.Wait()
		ended := make(chan error, 1)
		go func() { ended <- stop() }()
		synctest.Wait()
		select {
		case <-l.closed:
		default:
			t.Error("the listener is still open")
		}
		if w := d.serve(call(firing)); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("a new request gets %d", w.Code)
		}
		select {
		case err := <-ended:
			t.Fatalf("ended with a request under way: %v", err)
		default:
		}
		close(land)
		if code := <-underway; code != 200 {
			t.Errorf("the request under way gets %d", code)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestDrainGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		l, stop := running(t, open(t, func(context.Context, []record.Alert) error { <-stuck; return nil }, receiver.Config{}))
		go send(l.dial())
		synctest.Wait()
		began := time.Now()
		if err := stop(); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(began); took != 15*time.Second {
			t.Errorf("gave up after %s", took)
		}
		close(stuck)
	})
}

func TestBrokenListenerEndsRun(t *testing.T) {
	l := newPipes()
	l.Close()
	if err := open(t, accept, receiver.Config{}).Run(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
