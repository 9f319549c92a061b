package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// serve starts a server with the limits; its handler reads the body, and waits at /wait until the
// test ends.
func serve(t *testing.T, limits Limits) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/wait" {
			w.WriteHeader(http.StatusAccepted)
			_ = http.NewResponseController(w).Flush()
			<-ctx.Done()
		}
		fmt.Fprintln(w, "answered")
	})}
	ended := make(chan error, 1)
	bounded := Bound(server, l, limits)
	go func() { ended <- server.Serve(bounded) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(server.Close(), <-ended); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// dial connects from an address of the loopback network.
func dial(t *testing.T, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 30 * time.Second}
	c, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ask sends text and returns the status of the answer; 0 if the connection was closed.
func ask(t *testing.T, c net.Conn, text string) int {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		t.Fatalf("no answer: %v", err)
	}
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// closed reports whether the server closed the connection.
func closed(t *testing.T, c net.Conn) bool {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	_, err := c.Read(make([]byte, 1))
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		t.Fatal("the connection is still open")
	}
	return err != nil
}

func TestWhoSaysNothingKeepsNobodyOut(t *testing.T) {
	const half = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
	for name, said := range map[string]string{"nothing": "", "half a header": half, "half a body": half + "\r\n1234"} {
		t.Run(name, func(t *testing.T) {
			dropped := prometheus.NewCounter(prometheus.CounterOpts{Name: "dropped"})
			addr := serve(t, Limits{Total: 8, PerAddress: 4, Dropped: dropped})
			for _, from := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"} {
				for range 20 {
					_, _ = io.WriteString(dial(t, from, addr), said)
				}
			}
			for _, from := range []string{"127.0.0.1", "127.0.0.2"} {
				if code := ask(t, dial(t, from, addr), get); code != http.StatusOK {
					t.Errorf("from %s: %d", from, code)
				}
			}
			if n := testutil.ToFloat64(dropped); n < 54 {
				t.Errorf("%v connections dropped of 62, 8 may be open", n)
			}
		})
	}
}

func TestTheLongestWaitingOfTheHeaviestAddressIsClosed(t *testing.T) {
	addr := serve(t, Limits{Total: 4, PerAddress: 3})
	quiet := dial(t, "127.0.0.2", addr)
	if code := ask(t, quiet, get); code != http.StatusOK {
		t.Fatal(code)
	}
	var many []net.Conn
	for range 3 {
		c := dial(t, "127.0.0.3", addr)
		if code := ask(t, c, get); code != http.StatusOK {
			t.Fatal(code)
		}
		many = append(many, c)
	}
	if code := ask(t, many[0], get); code != http.StatusOK { // now many[1] waits longest
		t.Fatal(code)
	}
	if code := ask(t, dial(t, "127.0.0.4", addr), get); code != http.StatusOK {
		t.Fatal(code)
	}
	if !closed(t, many[1]) {
		t.Error("it said something")
	}
	for _, c := range []net.Conn{quiet, many[0], many[2]} {
		if code := ask(t, c, get); code != http.StatusOK {
			t.Errorf("%s: %d", c.LocalAddr(), code)
		}
	}
}

func TestARequestUnderWayIsNeverClosed(t *testing.T) {
	addr := serve(t, Limits{Total: 4, PerAddress: 2})
	for range 2 {
		if code := ask(t, dial(t, "127.0.0.2", addr), "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"); code != http.StatusAccepted {
			t.Fatal(code)
		}
	}
	if code := ask(t, dial(t, "127.0.0.2", addr), get); code != 0 {
		t.Errorf("a third request of one address was answered with %d", code)
	}
	if code := ask(t, dial(t, "127.0.0.1", addr), get); code != http.StatusOK {
		t.Errorf("another address: %d", code)
	}
}

func TestAHeaderHasALimit(t *testing.T) {
	addr := serve(t, Limits{Total: 4, PerAddress: 4})
	long := "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", MaxHeader+8<<10) + "\r\n\r\n"
	if code := ask(t, dial(t, "127.0.0.1", addr), long); code == http.StatusOK {
		t.Error("was taken")
	}
}

func TestWhatCountsAsOneAddress(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"[::ffff:192.0.2.1]:1", "192.0.2.1:2", true},
		{"[2001:db8::1]:1", "[2001:db8::ffff:1]:1", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
	} {
		one := func(s string) net.Addr { return named(s) }
		if same := address(one(c.a)) == address(one(c.b)); same != c.same {
			t.Errorf("%s and %s: same = %v", c.a, c.b, same)
		}
	}
}

type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }

// On one connection of HTTP/2 several requests are under way, and count until the last ends.
func TestRequestsOfHTTP2(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	released := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			w.WriteHeader(http.StatusAccepted)
			_ = http.NewResponseController(w).Flush()
			<-released
		}
		fmt.Fprint(w, r.Proto)
	}))
	_ = server.Listener.Close()
	server.Listener = Bound(server.Config, l, Limits{Total: 1, PerAddress: 1})
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	get := func(path string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	slow := get("/wait")
	defer slow.Body.Close()
	quick := get("/")
	if text, err := io.ReadAll(quick.Body); err != nil || string(text) != "HTTP/2.0" {
		t.Errorf("%q, %v", text, err)
	}
	if !closed(t, dial(t, "127.0.0.1", l.Addr().String())) {
		t.Error("a second connection was let in while the first has a request under way")
	}
	close(released)
	if text, err := io.ReadAll(slow.Body); err != nil || string(text) != "HTTP/2.0" {
		t.Errorf("%q, %v", text, err)
	}
}
