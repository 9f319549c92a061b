package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/autorollback/autorollback/listen"
)

const (
	// drainWithin is how long requests under way may take once we stop.
	drainWithin = changeWithin + 5*time.Second
	maxConns    = 256
	maxOfOne    = 128 // connections of one address, which may be a proxy's
)

// Serve serves on the listeners, with TLS and authentication as the web
// configuration file says, until ctx ends; then it finishes what is under way. An
// empty configFile is plain HTTP.
func Serve(ctx context.Context, listeners []net.Listener, configFile string, h http.Handler, log *zap.Logger) error {
	noise, err := zap.NewStdLogAt(log, zapcore.DebugLevel) // broken handshakes and the like
	if err != nil {
		return fmt.Errorf("make a log for the server: %w", err)
	}
	server := &http.Server{
		Handler:      h,
		ReadTimeout:  30 * time.Second,
		WriteTimeout: 90 * time.Second, // longer than the engine may work on one order
		IdleTimeout:  120 * time.Second,
		ErrorLog:     noise,
	}
	for i, l := range listeners {
		listeners[i] = listen.Bound(server, l, listen.Limits{Total: maxConns, PerAddress: maxOfOne})
	}
	systemd := false
	flags := &toolkit.FlagConfig{WebConfigFile: &configFile, WebSystemdSocket: &systemd}
	ended := make(chan error, 1)
	go func() { ended <- toolkit.ServeMultiple(listeners, server, flags, newSlog(log)) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve HTTP: %w", errors.Join(err, server.Close()))
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("finish requests: %w", errors.Join(err, server.Close()))
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// newSlog returns a slog logger for exporter-toolkit that writes to ours.
func newSlog(log *zap.Logger) *slog.Logger { return slog.New(slogAdapter{log}) }

type slogAdapter struct{ log *zap.Logger }

func (h slogAdapter) Enabled(_ context.Context, l slog.Level) bool {
	return h.log.Core().Enabled(zapLevel(l))
}

func (h slogAdapter) Handle(_ context.Context, r slog.Record) error {
	fields := make([]zap.Field, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		fields = append(fields, zap.Any(a.Key, a.Value.Resolve().Any()))
		return true
	})
	if entry := h.log.Check(zapLevel(r.Level), r.Message); entry != nil {
		entry.Write(fields...)
	}
	return nil
}

func (h slogAdapter) WithAttrs(attrs []slog.Attr) slog.Handler {
	log := h.log
	for _, a := range attrs {
		log = log.With(zap.Any(a.Key, a.Value.Resolve().Any()))
	}
	return slogAdapter{log}
}

// WithGroup is not used by the toolkit; names stay flat.
func (h slogAdapter) WithGroup(string) slog.Handler { return h }

func zapLevel(l slog.Level) zapcore.Level {
	switch {
	case l >= slog.LevelError:
		return zapcore.ErrorLevel
	case l >= slog.LevelWarn:
		return zapcore.WarnLevel
	case l >= slog.LevelInfo:
		return zapcore.InfoLevel
	}
	return zapcore.DebugLevel
}
