package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// A MessageSink is the team: it takes the daemon's messages by webhook and remembers when the
// first one about each incident came.
type MessageSink struct {
	listener net.Listener
	mu       sync.Mutex
	told     map[string]time.Time
}

// NewMessageSink listens on a loopback port.
func NewMessageSink() (*MessageSink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for messages: %w", err)
	}
	return &MessageSink{listener: l, told: map[string]time.Time{}}, nil
}

// URL is where messages are to be sent.
func (e *MessageSink) URL() string { return "http://" + e.listener.Addr().String() + "/" }

// Notified is when the first message about each incident came.
func (e *MessageSink) Notified() map[string]time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.told)
}

// Run takes messages until ctx ends.
func (e *MessageSink) Run(ctx context.Context) error {
	return serve(ctx, e.listener, http.HandlerFunc(e.take))
}

func (e *MessageSink) take(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Data struct {
			Incident string `json:"incident"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&body); err != nil {
		http.Error(w, "no message", http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.told[body.Data.Incident]; !ok {
		e.told[body.Data.Incident] = time.Now()
	}
}
