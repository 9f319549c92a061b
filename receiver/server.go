package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/autorollback/autorollback/listen"
)

const (
	maxConns    = 256
	maxOfOne    = 128 // connections of one address
	readTime    = 10 * time.Second
	writeTime   = 15 * time.Second
	idleTime    = 60 * time.Second
	drainWithin = writeTime
)

// Run serves on the listener until ctx ends. Then it takes no new connection, answers
// 503 to what still comes on old ones, finishes what is under way, and returns nil; or
// an error if that took longer than an answer may take.
func (r *Receiver) Run(ctx context.Context, l net.Listener) error {
	server, err := r.server()
	if err != nil {
		return err
	}
	l = listen.Bound(server, l, listen.Limits{Total: maxConns, PerAddress: maxOfOne, Dropped: r.dropped})
	if r.clients != nil {
		l = tls.NewListener(l, r.clients.config())
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve webhook: %w", err)
	case <-ctx.Done():
	}
	return r.drain(ctx, server, ended)
}

func (r *Receiver) server() (*http.Server, error) {
	errors, err := zap.NewStdLogAt(r.log, zapcore.DebugLevel) // broken handshakes and the like
	if err != nil {
		return nil, fmt.Errorf("make a log for the server: %w", err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // one request per connection at a time: the bounds mean what they say
	return &http.Server{
		Handler:                      r,
		DisableGeneralOptionsHandler: true,
		ReadTimeout:                  readTime,
		WriteTimeout:                 writeTime,
		IdleTimeout:                  idleTime,
		Protocols:                    protocols,
		ErrorLog:                     errors,
	}, nil
}

func (r *Receiver) drain(ctx context.Context, server *http.Server, ended <-chan error) error {
	r.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain webhook: %w", err), server.Close())
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve webhook: %w", err)
	}
	return nil
}
