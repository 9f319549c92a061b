// Package receivers has the places where people read messages, as real servers on loopback: an incoming webhook
// of Slack, one of a Teams workflow, and a mail server. Each takes what its maker documents, and refuses
// everything else.
//
// It is for tests alone, and never asks the real ones.
package receivers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A Chat is a Slack or a Teams.
type Chat struct {
	URL string // the webhook's, with a key in its path

	tb    testing.TB
	check func(body []byte) (status int, why string)
	good  int

	mu     sync.Mutex
	down   int // the status that it answers
	header http.Header
	posts  int
	bodies []json.RawMessage
}

// serve starts a chat; what check refuses is an error of the test.
func serve(tb testing.TB, path string, good int, check func([]byte) (int, string)) *Chat {
	tb.Helper()
	c := &Chat{tb: tb, check: check, good: good}
	server := httptest.NewServer(c)
	tb.Cleanup(server.Close)
	c.URL = server.URL + path
	return c
}

// Down has every post answered with this status, and these headers in pairs; 0: it is up.
func (c *Chat) Down(status int, header ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down, c.header = status, http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		c.header.Set(header[i], header[i+1])
	}
}

// Bodies are what was taken, in order.
func (c *Chat) Bodies() []json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]json.RawMessage(nil), c.bodies...)
}

// Posts is how many posts there were, taken or not.
func (c *Chat) Posts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.posts
}

// ServeHTTP takes one post.
func (c *Chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.posts++; c.down != 0 {
		for name, values := range c.header {
			w.Header()[name] = values
		}
		w.WriteHeader(c.down)
		fmt.Fprintf(w, "not now: %s", r.URL.Path) // servers repeat what they were asked
		return
	}
	status, why := c.good, ""
	switch {
	case err != nil:
		status, why = http.StatusBadRequest, err.Error()
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json":
		status, why = http.StatusBadRequest, "it is no POST of JSON"
	default:
		if refused, text := c.check(body); text != "" {
			status, why = refused, text
		}
	}
	if why != "" {
		c.tb.Errorf("refused: %s\n%s", why, body)
		http.Error(w, why, status)
		return
	}
	c.bodies = append(c.bodies, body)
	w.WriteHeader(status)
	if status == http.StatusOK {
		fmt.Fprint(w, "ok")
	}
}

// strictly decodes JSON that has no field but those of v.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
