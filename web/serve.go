package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/listen"
)

const (
	// drainWithin is how long requests under way may take once we stop.
	drainWithin = changeWithin + 5*time.Second
	maxConns    = 256
	maxOfOne    = 128 // connections of one address, which may be a proxy's
)

// Serve serves on the listeners, with TLS and headers as the web configuration file says, until
// ctx ends; then it finishes what is under way. An empty configFile is plain HTTP. Who may
// come in is the handler's to find out. dropped counts the connections that the limits close.
func Serve(ctx context.Context, listeners []net.Listener, configFile string, h http.Handler, dropped prometheus.Counter, log *zap.Logger) error {
	server, err := newHTTPServer(configFile, h, log)
	if err != nil {
		return err
	}
	server.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(context.WithoutCancel(ctx), stopping{}, ctx.Done())
	}
	for i, l := range listeners {
		listeners[i] = listen.Bound(server, l, listen.Limits{Total: maxConns, PerAddress: maxOfOne, Dropped: dropped})
	}
	ended := make(chan error, 1)
	go func() { ended <- serveAll(server, listeners) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve HTTP: %w", errors.Join(err, server.Close()))
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("finish requests: %w", errors.Join(err, server.Close()))
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

func newHTTPServer(configFile string, h http.Handler, log *zap.Logger) (*http.Server, error) {
	noise, err := zap.NewStdLogAt(log, zapcore.DebugLevel) // broken handshakes and the like
	if err != nil {
		return nil, fmt.Errorf("make a log for the server: %w", err)
	}
	server := &http.Server{
		Handler:      h,
		ReadTimeout:  30 * time.Second,
		WriteTimeout: 90 * time.Second, // longer than the engine may work on one order
		IdleTimeout:  120 * time.Second,
		ErrorLog:     noise,
	}
	if configFile == "" {
		return server, nil
	}
	if err := toolkit.Validate(configFile); err != nil {
		return nil, fmt.Errorf("read web configuration %s: %w", configFile, err)
	}
	file := &reread[toolkit.Config]{path: configFile, parse: parseConfig, log: log}
	c, err := file.get()
	if err != nil {
		return nil, fmt.Errorf("read web configuration: %w", err)
	}
	if c.RateLimiterConfig.Interval != 0 {
		log.Warn("rate_limit is not used: one limit for all callers would lock out the people it protects; wrong passwords have their own limits", zap.String("file", configFile))
	}
	server.Handler = withHeaders(file, h)
	if c.TLSConfig.IsEnabled() {
		server.TLSConfig = secured(file, c.HTTPConfig.HTTP2)
	}
	return server, nil
}

// serveAll serves until the first listener fails, or the server is shut down.
func serveAll(server *http.Server, listeners []net.Listener) error {
	var all errgroup.Group
	for _, l := range listeners {
		all.Go(func() error {
			if server.TLSConfig != nil {
				return server.ServeTLS(l, "", "")
			}
			return server.Serve(l)
		})
	}
	return all.Wait()
}

// secured is TLS by exporter-toolkit, from the file as it is at each connection.
func secured(file *reread[toolkit.Config], http2 bool) *tls.Config {
	protocols := []string{"http/1.1"}
	if http2 {
		protocols = []string{"h2", "http/1.1"}
	}
	return &tls.Config{NextProtos: protocols, MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c, err := file.get()
		if err != nil {
			return nil, err
		}
		config, err := toolkit.ConfigToTLSConfig(&c.TLSConfig)
		if err != nil {
			return nil, err
		}
		config.NextProtos = protocols
		return config, nil
	}}
}

// withHeaders sets the headers that the file asks for; ours, which are stricter, replace them.
func withHeaders(file *reread[toolkit.Config], next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := file.get(); err == nil {
			for name, value := range c.HTTPConfig.Header {
				w.Header().Set(name, value)
			}
		}
		next.ServeHTTP(w, r)
	})
}
