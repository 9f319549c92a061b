package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/web"
)

// served is the site on a real server, and what stops it and waits for its end.
func served(t *testing.T, s *site) (url string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- web.Serve(ctx, []net.Listener{l}, "", s, prometheus.NewCounter(prometheus.CounterOpts{Name: "dropped"}), zap.NewNop())
	}()
	return "http://" + l.Addr().String(), func() error { cancel(); return <-ended }
}

// A stream is what a browser reads of the news.
type stream struct {
	*http.Response
	lines *bufio.Scanner
}

func listens(t *testing.T, url string) stream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	as("alice")(r)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	return stream{answer, lines}
}

// next is the next element; false: the stream has ended.
func (s stream) next() (id, html string, more bool) {
	for s.lines.Scan() {
		if text, ok := strings.CutPrefix(s.lines.Text(), "data: "); ok {
			var part struct{ ID, HTML string }
			if err := json.Unmarshal([]byte(text), &part); err != nil {
				return "", err.Error(), false
			}
			return part.ID, part.HTML, true
		}
	}
	return "", "", false
}

// counted is how much time is left, as a card without scripts has it.
var counted = regexp.MustCompile(`waiting for [^<]*\b\d+:\d\d\b`)

// What changes is told, that alone, and the stream ends with the server.
func TestLive(t *testing.T) {
	s := newSite(t, signIn(t))
	url, stop := served(t, s)
	live := listens(t, url+"/live?q=rank")
	if live.StatusCode != http.StatusOK || live.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("answers %d with %s", live.StatusCode, live.Header.Get("Content-Type"))
	}
	var first []string
	for {
		id, html, more := live.next()
		if first = append(first, id); !more {
			t.Fatalf("ended after %v: %s", first, html)
		}
		if id == "cards" {
			if !strings.Contains(html, "waiting for") || counted.MatchString(html) {
				t.Errorf("the cards are %s", html) // the browser says how much time is left
			}
			break
		}
	}
	s.mu.Lock()
	a := s.approvals["ap-1"]
	a.Status = record.Approved
	s.approvals["ap-1"] = a
	s.status.Incidents[0].Phase = record.Done
	s.status.Releases[0].Stopped = &record.HumanStop{By: "ann", Reason: "<b>lunch</b>"}
	s.mu.Unlock()
	var then []string
	for {
		id, html, more := live.next()
		if then = append(then, id); !more {
			t.Fatalf("ended after %v", then)
		}
		if id == "card-ranker-default" {
			if !strings.Contains(html, "stopped by ann") || strings.Contains(html, "<b>") {
				t.Errorf("the card is %s", html)
			}
			break
		}
	}
	if fmt.Sprint(then) != "[chips card-ranker-default]" {
		t.Errorf("told were %v", then)
	}
	if err := stop(); err != nil {
		t.Errorf("the server ends with %v", err)
	}
	if id, html, more := live.next(); more {
		t.Errorf("the stream has %s after the end: %s", id, html)
	}
}

// Too many listeners are told to reload, and take nobody else's answer away.
func TestListenersAreBounded(t *testing.T) {
	s := newSite(t, signIn(t))
	url, stop := served(t, s)
	for n := range 64 {
		if live := listens(t, url+"/live"); live.StatusCode != http.StatusOK {
			t.Fatalf("listener %d is answered %d", n, live.StatusCode)
		}
	}
	if live := listens(t, url+"/live"); live.StatusCode != http.StatusServiceUnavailable || live.Header.Get("Retry-After") == "" {
		t.Errorf("one more is answered %d", live.StatusCode)
	}
	if page := listens(t, url+"/"); page.StatusCode != http.StatusOK {
		t.Errorf("the page answers %d", page.StatusCode)
	}
	if err := stop(); err != nil {
		t.Errorf("the server ends with %v", err)
	}
}

// Whoever may not look may not listen.
func TestNobodyListensUnseen(t *testing.T) {
	s := newSite(t, signIn(t))
	if w := s.ask(http.MethodGet, "/live", ""); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "data:") {
		t.Errorf("answers %d: %s", w.Code, w.Body)
	}
}
